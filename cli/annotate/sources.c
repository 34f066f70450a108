#include "cli/annotate/sources.h"

#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/strtab.h"
#include "output/recording/source_hash.h"

enum { FILE_MAX = 16 << 20, LINE_MAX_COPIED = 4096 };

struct file {
	const char *text; /* NULL: missing */
	size_t size;
	char *owned; /* the text, when it is not the recording's */
	enum plait_source_state state;
	PLAIT_VEC(size_t) lines; /* where each begins */
};

struct plait_sources {
	const struct plait_profile *profile;
	struct plait_strtab *names; /* id - 1: index in files */
	PLAIT_VEC(struct file) files;
	char line[LINE_MAX_COPIED];
};

struct plait_sources *plait_sources_create(const struct plait_profile *profile)
{
	struct plait_sources *sources = calloc(1, sizeof(*sources));
	if (sources && !(sources->names = plait_strtab_create())) {
		free(sources);
		return NULL;
	}
	if (sources)
		sources->profile = profile;
	return sources;
}

void plait_sources_destroy(struct plait_sources *sources)
{
	if (!sources)
		return;
	for (size_t i = 0; i < sources->files.count; i++) {
		free(sources->files.data[i].owned);
		plait_vec_free(&sources->files.data[i].lines);
	}
	plait_vec_free(&sources->files);
	plait_strtab_destroy(sources->names);
	free(sources);
}

static const struct plait_record_source *recorded(const struct plait_profile *profile, const char *name)
{
	for (size_t i = 0; i < profile->sources.count; i++) {
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
	ret->text = ret->owned = plait_file_read(name, FILE_MAX, &ret->size);
	if (!ret->text)
		return;
	bool same = source && source->size == ret->size && source->hash == plait_source_hash(ret->text, ret->size);
	ret->state = !source ? PLAIT_SOURCE_UNCHECKED : same ? PLAIT_SOURCE_SAME : PLAIT_SOURCE_CHANGED;
}

static bool find_lines(struct file *file)
{
	bool kept = !file->text || plait_vec_push(&file->lines, 0);
	for (size_t i = 0; i < file->size && file->text && kept; i++) {
		if (file->text[i] == '\n' && i + 1 < file->size)
			kept = plait_vec_push(&file->lines, i + 1);
	}
	return kept;
}

/* The file of that name, read on first sight; NULL: no memory. */
static const struct file *file_of(struct plait_sources *sources, const char *name)
{
	uint32_t id = plait_strtab_add(sources->names, name, strlen(name), NULL);
	if (id == UINT32_MAX || id == 0 || id - 1 > sources->files.count)
		return NULL;
	if (id - 1 < sources->files.count)
		return &sources->files.data[id - 1];
	struct file file = { 0 };
	read_text(sources->profile, name, &file);
	if (!find_lines(&file) || !plait_vec_push(&sources->files, file)) {
		free(file.owned);
		plait_vec_free(&file.lines);
		return NULL;
	}
	return &sources->files.data[id - 1];
}

const char *plait_sources_line(void *context, const char *name, int32_t line)
{
	struct plait_sources *sources = context;
	const struct file *file = file_of(sources, name);
	if (!file || line < 1 || (size_t)line > file->lines.count)
		return NULL;
	size_t from = file->lines.data[line - 1];
	size_t to = (size_t)line < file->lines.count ? file->lines.data[line] : file->size;
	while (to > from && strchr("\n\r \t", file->text[to - 1]) && file->text[to - 1])
		to--;
	size_t size = to - from < sizeof(sources->line) ? to - from : sizeof(sources->line) - 1;
	memcpy(sources->line, file->text + from, size);
	sources->line[size] = '\0';
	return sources->line;
}

enum plait_source_state plait_sources_state(struct plait_sources *sources, const char *name)
{
	const struct file *file = file_of(sources, name);
	return file ? file->state : PLAIT_SOURCE_MISSING;
}
