#include "symbolize/debug_file.h"

#include <limits.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Mini debug info unpacks to a few megabytes at most; more is an attack. */
enum { DEBUG_DATA_MAX = 64 << 20, DEBUG_DATA_MEMORY = 128 << 20 };

static bool same_build_id(const struct plait_build_id *a, const struct plait_build_id *b)
{
	return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

/* Whether `file` is the debug file that is meant: equal build-ids prove it; without them only the checksum does. */
static bool is_the_one(const struct plait_debug_file_query *query, const struct plait_mapped_file *file,
		       const struct plait_elf_image *image, const uint32_t *crc)
{
	if (query->build_id.size && image->build_id.size)
		return same_build_id(&query->build_id, &image->build_id);
	return crc && lzma_crc32(file->data, file->size, 0) == *crc;
}

/* Maps `path` if it is the debug file that is meant; `crc` is what the debug link tells, NULL without one. */
static bool try_path(const struct plait_debug_file_query *query, const char *path, const uint32_t *crc,
		     struct plait_mapped_file *ret_file, struct plait_elf_image *ret_image)
{
	struct plait_mapped_file file;
	struct plait_elf_image image;
	if (!plait_mapped_file_open(path, &file))
		return false;
	if (!plait_elf_image_open(file.data, file.size, &image) || !is_the_one(query, &file, &image, crc)) {
		plait_mapped_file_close(&file);
		return false;
	}
	*ret_file = file;
	*ret_image = image;
	return true;
}

/* "/proc/PID/root" of `path`, or "" when it is not below one. */
static void root_of(const char *path, char ret[32])
{
	int length = 0;
	unsigned pid;
	if (!path || sscanf(path, "/proc/%u/root/%n", &pid, &length) != 1 || length <= 1 || length > 32)
		length = 1;
	memcpy(ret, path ? path : "", (size_t)length - 1);
	ret[length - 1] = 0;
}

static bool find_by_build_id(const struct plait_debug_file_query *query, const char *root,
			     struct plait_mapped_file *ret_file, struct plait_elf_image *ret_image)
{
	char hex[2 * PLAIT_BUILD_ID_MAX + 1] = "", path[PATH_MAX];
	if (query->build_id.size < 2)
		return false;
	for (uint8_t i = 0; i < query->build_id.size; i++)
		snprintf(hex + (size_t)2 * i, 3, "%02x", query->build_id.bytes[i]);
	int size = snprintf(path, sizeof(path), "%s%s/.build-id/%.2s/%s.debug", root, query->debug_directory, hex,
			    hex + 2);
	return size < (int)sizeof(path) && try_path(query, path, NULL, ret_file, ret_image);
}

/* The length of the folder part of `path`, without the last '/'; -1: not an absolute path. */
static int folder_length(const char *path)
{
	return path && path[0] == '/' ? (int)(strrchr(path, '/') - path) : -1;
}

/* Looks for the linked name beside `path` and in .debug/ there. */
static bool find_beside(const struct plait_debug_file_query *query, const char *path, const char *name, uint32_t crc,
			struct plait_mapped_file *ret_file, struct plait_elf_image *ret_image)
{
	static const char *const folders[] = { "", ".debug/" };
	int length = folder_length(path);
	for (size_t i = 0; length >= 0 && i < sizeof(folders) / sizeof(folders[0]); i++) {
		char candidate[PATH_MAX];
		int size = snprintf(candidate, sizeof(candidate), "%.*s/%s%s", length, path, folders[i], name);
		if (size < (int)sizeof(candidate) && try_path(query, candidate, &crc, ret_file, ret_image))
			return true;
	}
	return false;
}

static bool find_by_link(const struct plait_debug_file_query *query, const char *root,
			 struct plait_mapped_file *ret_file, struct plait_elf_image *ret_image)
{
	const char *name;
	uint32_t crc;
	if (!query->image || !plait_elf_debuglink(query->image, &name, &crc))
		return false;
	if (find_beside(query, query->open_path, name, crc, ret_file, ret_image))
		return true;
	if (find_beside(query, query->path, name, crc, ret_file, ret_image))
		return true;
	int length = folder_length(query->path);
	char path[PATH_MAX];
	if (length < 0)
		return false;
	int size = snprintf(path, sizeof(path), "%s%s%.*s/%s", root, query->debug_directory, length, query->path, name);
	return size < (int)sizeof(path) && try_path(query, path, &crc, ret_file, ret_image);
}

bool plait_debug_file_find(const struct plait_debug_file_query *query, struct plait_mapped_file *ret_file,
			   struct plait_elf_image *ret_image)
{
	char root[32];
	root_of(query->open_path, root);
	if (*root &&
	    (find_by_build_id(query, root, ret_file, ret_image) || find_by_link(query, root, ret_file, ret_image)))
		return true;
	return find_by_build_id(query, "", ret_file, ret_image) || find_by_link(query, "", ret_file, ret_image);
}

/* Makes room in `*data` for more output; false at the limit. */
static bool grow_output(uint8_t **data, size_t *capacity, lzma_stream *stream)
{
	size_t used = (size_t)stream->total_out;
	if (stream->avail_out > 0)
		return true;
	if (*capacity >= DEBUG_DATA_MAX)
		return false;
	size_t larger = *capacity ? *capacity * 2 : 1 << 18;
	uint8_t *grown = realloc(*data, larger);
	if (!grown)
		return false;
	*data = grown;
	*capacity = larger;
	stream->next_out = grown + used;
	stream->avail_out = larger - used;
	return true;
}

bool plait_debug_data_unpack(const struct plait_elf_image *image, uint8_t **ret_data, struct plait_elf_image *ret_image)
{
	struct plait_elf_section section;
	if (!plait_elf_section_find(image, ".gnu_debugdata", &section))
		return false;
	struct plait_bytes bytes = plait_elf_section_bytes(image, &section);
	lzma_stream stream = LZMA_STREAM_INIT;
	if (lzma_stream_decoder(&stream, DEBUG_DATA_MEMORY, 0) != LZMA_OK)
		return false;
	stream.next_in = bytes.at;
	stream.avail_in = plait_bytes_left(&bytes);
	uint8_t *data = NULL;
	size_t capacity = 0;
	lzma_ret status = LZMA_OK;
	while (status == LZMA_OK && grow_output(&data, &capacity, &stream))
		status = lzma_code(&stream, LZMA_FINISH);
	size_t size = (size_t)stream.total_out;
	lzma_end(&stream);
	if (status != LZMA_STREAM_END || !plait_elf_image_open(data, size, ret_image)) {
		free(data);
		return false;
	}
	*ret_data = data;
	return true;
}
