#include "output/render/source.h"

#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/map.h"
#include "common/strtab.h"
#include "common/vec.h"

enum { SIZE_MAX_READ = 16 << 20, LINE_MAX_COPIED = 512 };

/* A file that was asked for; without text when it cannot be read. */
struct file {
	char *text;
	PLAIT_VEC(uint32_t) lines; /* where each begins; one more for the end */
};

struct plait_source_cache {
	struct plait_strtab *names; /* id - 1: index in files (id 0 is the empty name) */
	PLAIT_VEC(struct file) files;
	char line[LINE_MAX_COPIED];
};

struct plait_source_cache *plait_source_cache_create(void)
{
	struct plait_source_cache *source = calloc(1, sizeof(*source));
	if (source && !(source->names = plait_strtab_create())) {
		free(source);
		return NULL;
	}
	return source;
}

void plait_source_cache_destroy(struct plait_source_cache *source)
{
	if (!source)
		return;
	for (size_t i = 0; i < source->files.count; i++) {
		free(source->files.data[i].text);
		plait_vec_free(&source->files.data[i].lines);
	}
	plait_vec_free(&source->files);
	plait_strtab_destroy(source->names);
	free(source);
}

static bool find_lines(struct file *file, size_t size)
{
	bool kept = plait_vec_push(&file->lines, 0);
	for (size_t i = 0; i < size && kept; i++) {
		if (file->text[i] == '\n')
			kept = plait_vec_push(&file->lines, (uint32_t)i + 1);
	}
	return kept && plait_vec_push(&file->lines, (uint32_t)size + 1);
}

/* The file of that name, read on first sight; NULL: no memory. */
static const struct file *file_of(struct plait_source_cache *source, const char *name)
{
	bool added;
	uint32_t id = plait_strtab_add(source->names, name, strlen(name), &added);
	if (id == UINT32_MAX || id == 0)
		return NULL;
	if (id - 1 < source->files.count)
		return &source->files.data[id - 1];
	if (id - 1 > source->files.count)
		return NULL;
	struct file file = { 0 };
	size_t size = 0;
	if (name[0] != '<') /* "<string>", "<frozen importlib._bootstrap>" */
		file.text = plait_file_read(name, SIZE_MAX_READ, &size);
	if (file.text && !find_lines(&file, size))
		file.lines.count = 0;
	if (!plait_vec_push(&source->files, file)) {
		free(file.text);
		plait_vec_free(&file.lines);
		return NULL;
	}
	return &source->files.data[id - 1];
}

const char *plait_source_read_line(void *context, const char *name, int32_t line)
{
	struct plait_source_cache *source = context;
	const struct file *file = file_of(source, name);
	if (!file || line < 1 || (size_t)line >= file->lines.count)
		return NULL;
	const char *text = file->text + file->lines.data[line - 1];
	size_t size = file->lines.data[line] - file->lines.data[line - 1] - 1;
	while (size && (text[size - 1] == '\r' || text[size - 1] == ' ' || text[size - 1] == '\t'))
		size--;
	if (size >= sizeof(source->line))
		size = sizeof(source->line) - 1;
	memcpy(source->line, text, size);
	source->line[size] = '\0';
	return source->line;
}
