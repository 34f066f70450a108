#include "output/render/source.h"

#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/source_hash.h"
#include "common/strtab.h"
#include "common/vec.h"

enum { SIZE_MAX_READ = 16 << 20 };

/* A file that was asked for; without text when it cannot be read. */
struct file {
	const char *text;
	size_t size;
	char *owned; /* the text, when it is not the recording's */
	enum plait_source_state state;
	PLAIT_VEC(uint32_t) lines; /* where each begins */
};

struct plait_source_cache {
	const struct plait_profile *profile; /* NULL: only files count */
	struct plait_strtab *names;	     /* id - 1: index in files (id 0 is the empty name) */
	PLAIT_VEC(struct file) files;
	char *line;
	size_t line_size;
};

struct plait_source_cache *plait_source_cache_create(const struct plait_profile *profile, size_t line_size)
{
	struct plait_source_cache *source = calloc(1, sizeof(*source));
	if (!source)
		return NULL;
	source->profile = profile;
	source->line_size = line_size;
	source->names = plait_strtab_create();
	source->line = malloc(line_size);
	if (source->names && source->line)
		return source;
	plait_source_cache_destroy(source);
	return NULL;
}

void plait_source_cache_destroy(struct plait_source_cache *source)
{
	if (!source)
		return;
	for (size_t i = 0; i < source->files.count; i++) {
		free(source->files.data[i].owned);
		plait_vec_free(&source->files.data[i].lines);
	}
	plait_vec_free(&source->files);
	plait_strtab_destroy(source->names);
	free(source->line);
	free(source);
}

static const struct plait_record_source *recorded(const struct plait_profile *profile, const char *name)
{
	for (size_t i = 0; profile && i < profile->sources.count; i++) {
		if (strcmp(profile->sources.data[i].path, name) == 0)
			return &profile->sources.data[i];
	}
	return NULL;
}

static void read_text(const struct plait_profile *profile, const char *name, struct file *ret)
{
	const struct plait_record_source *source = recorded(profile, name);
	ret->state = PLAIT_SOURCE_MISSING;
	if (source && source->content) {
		ret->text = (const char *)source->content;
		ret->size = source->size;
		ret->state = PLAIT_SOURCE_RECORDED;
		return;
	}
	if (name[0] == '<') /* "<string>", "<frozen importlib._bootstrap>" */
		return;
	ret->text = ret->owned = plait_file_read(name, SIZE_MAX_READ, &ret->size);
	if (!ret->text)
		return;
	ret->state = PLAIT_SOURCE_UNCHECKED;
	if (source) {
		bool same = source->size == ret->size && source->hash == plait_source_hash(ret->text, ret->size);
		ret->state = same ? PLAIT_SOURCE_SAME : PLAIT_SOURCE_CHANGED;
	}
}

static bool find_lines(struct file *file)
{
	bool kept = !file->text || plait_vec_push(&file->lines, 0);
	for (size_t i = 0; i < file->size && kept; i++) {
		if (file->text[i] == '\n' && i + 1 < file->size)
			kept = plait_vec_push(&file->lines, (uint32_t)i + 1);
	}
	return kept;
}

/* The file of that name, read on first sight; NULL: no memory. */
static const struct file *file_of(struct plait_source_cache *source, const char *name)
{
	uint32_t id = plait_strtab_add(source->names, name, strlen(name), NULL);
	if (id == UINT32_MAX || id == 0 || id - 1 > source->files.count)
		return NULL;
	if (id - 1 < source->files.count)
		return &source->files.data[id - 1];
	struct file file = { 0 };
	read_text(source->profile, name, &file);
	if (!find_lines(&file) || !plait_vec_push(&source->files, file)) {
		free(file.owned);
		plait_vec_free(&file.lines);
		return NULL;
	}
	return &source->files.data[id - 1];
}

const char *plait_source_read_line(void *context, const char *name, int32_t line)
{
	struct plait_source_cache *source = context;
	const struct file *file = file_of(source, name);
	if (!file || line < 1 || (size_t)line > file->lines.count)
		return NULL;
	size_t from = file->lines.data[line - 1];
	size_t to = (size_t)line < file->lines.count ? file->lines.data[line] : file->size;
	while (to > from && memchr("\n\r \t", file->text[to - 1], 4))
		to--;
	size_t size = to - from < source->line_size ? to - from : source->line_size - 1;
	memcpy(source->line, file->text + from, size);
	source->line[size] = '\0';
	return source->line;
}

enum plait_source_state plait_source_state(struct plait_source_cache *source, const char *name)
{
	const struct file *file = file_of(source, name);
	return file ? file->state : PLAIT_SOURCE_MISSING;
}
