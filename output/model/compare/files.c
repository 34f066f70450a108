#include "output/model/compare/files.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/vec.h"

struct file {
	uint32_t input;
	const char *path, *name;
	bool own; /* of no package, and a real path */
};

struct plait_compare_files {
	PLAIT_VEC(struct file) all; /* sorted by input and path once decided */
};

struct plait_compare_files *plait_compare_files_create(void)
{
	return calloc(1, sizeof(struct plait_compare_files));
}

void plait_compare_files_destroy(struct plait_compare_files *files)
{
	if (!files)
		return;
	plait_vec_free(&files->all);
	free(files);
}

/* What follows ".../site-packages/" or ".../lib/python3.11/", the last of them; NULL: no package. */
static const char *in_package(const char *path)
{
	static const char *const folders[] = { "/site-packages/", "/dist-packages/" };
	const char *found = NULL;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		for (const char *at = path; (at = strstr(at, folders[i])); at++)
			found = at + strlen(folders[i]);
	}
	if (found)
		return found;
	const char *library = strstr(path, "/lib/python3");
	const char *end = library ? library + strlen("/lib/python3") : NULL;
	while (end && (*end == '.' || *end == 't' || isdigit((unsigned char)*end)))
		end++;
	return end && *end == '/' ? end + 1 : NULL;
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

bool plait_compare_files_add(struct plait_compare_files *files, uint32_t input, const char *path)
{
	const char *package = *path == '<' ? path : in_package(path);
	struct file file = { .input = input, .path = path, .name = package ? package : path, .own = !package };
	return plait_vec_push(&files->all, file);
}

static int compare_files(const void *a, const void *b)
{
	const struct file *left = a, *right = b;
	if (left->input != right->input)
		return left->input < right->input ? -1 : 1;
	return strcmp(left->path, right->path);
}

/* By base name, then as above. */
static int compare_bases(const void *a, const void *b)
{
	const struct file *left = *(struct file *const *)a, *right = *(struct file *const *)b;
	int order = strcmp(base_of(left->path), base_of(right->path));
	return order ? order : compare_files(left, right);
}

/* The length of the folder, with its slash, that all own files of an input lie in. */
static size_t root_of(const struct plait_compare_files *files, uint32_t input)
{
	const char *first = NULL;
	size_t length = 0;
	for (size_t i = 0; i < files->all.count; i++) {
		const struct file *file = &files->all.data[i];
		if (file->input != input || !file->own)
			continue;
		if (!first) {
			first = file->path;
			length = (size_t)(base_of(first) - first);
			continue;
		}
		size_t same = 0;
		while (same < length && file->path[same] == first[same])
			same++;
		while (same > 0 && first[same - 1] != '/')
			same--;
		length = same;
	}
	return length;
}

static bool path_is_elsewhere(struct file **group, size_t count, const struct file *file)
{
	for (size_t i = 0; i < count; i++) {
		if (group[i]->input != file->input && strcmp(group[i]->path, file->path) == 0)
			return true;
	}
	return false;
}

/* Names files of one base name. */
static void name_group(const struct plait_compare_files *files, struct file **group, size_t count)
{
	bool unique = true;
	for (size_t i = 1; i < count; i++)
		unique = unique && group[i]->input != group[i - 1]->input;
	for (size_t i = 0; i < count; i++) {
		if (unique)
			group[i]->name = base_of(group[i]->path);
		else if (!path_is_elsewhere(group, count, group[i]))
			group[i]->name = group[i]->path + root_of(files, group[i]->input);
	}
}

bool plait_compare_files_decide(struct plait_compare_files *files)
{
	size_t kept = 0, own = 0;
	if (!files->all.count)
		return true;
	qsort(files->all.data, files->all.count, sizeof(*files->all.data), compare_files);
	for (size_t i = 0; i < files->all.count; i++) {
		if (!kept || compare_files(&files->all.data[kept - 1], &files->all.data[i]) != 0)
			files->all.data[kept++] = files->all.data[i];
	}
	files->all.count = kept;
	struct file **bases = calloc(kept, sizeof(*bases));
	if (!bases)
		return false;
	for (size_t i = 0; i < kept; i++) {
		if (files->all.data[i].own)
			bases[own++] = &files->all.data[i];
	}
	qsort(bases, own, sizeof(*bases), compare_bases);
	for (size_t i = 0, end; i < own; i = end) {
		for (end = i + 1; end < own && strcmp(base_of(bases[end]->path), base_of(bases[i]->path)) == 0;)
			end++;
		name_group(files, &bases[i], end - i);
	}
	free(bases);
	return true;
}

const char *plait_compare_files_name(const struct plait_compare_files *files, uint32_t input, const char *path)
{
	struct file wanted = { .input = input, .path = path };
	const struct file *found =
		files->all.count ? bsearch(&wanted, files->all.data, files->all.count, sizeof(wanted), compare_files)
				 : NULL;
	return found ? found->name : path;
}
