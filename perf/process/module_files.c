#include "perf/process/module_files.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/memory.h"
#include "perf/process/elf_notes.h"

enum { VDSO_MAX = 1 << 20 };

static void destroy_file(struct plait_module_file *file)
{
	if (!file)
		return;
	if (file->image && file->is_vdso)
		free((void *)(uintptr_t)file->image);
	else if (file->image)
		munmap((void *)(uintptr_t)file->image, file->image_size);
	if (file->fd >= 0)
		close(file->fd);
	free((void *)(uintptr_t)file->reference.path);
	free((void *)(uintptr_t)file->reference.open_path);
	free(file);
}

void plait_module_files_release(struct plait_module_files *files)
{
	for (size_t i = 0; i < files->all.count; i++)
		destroy_file(files->all.data[i]);
	plait_vec_free(&files->all);
	plait_map_release(&files->by_inode);
	plait_map_release(&files->vdsos);
}

/* Adds `file` (owned from now on) to the table and to `index` under `key`. */
static struct plait_error *add_file(struct plait_module_files *files, struct plait_map *index, uint64_t key,
				    struct plait_module_file *file, const struct plait_module_file **ret)
{
	file->id = (uint32_t)files->all.count;
	if (!plait_map_put(index, key, file->id) || !plait_vec_push(&files->all, file)) {
		destroy_file(file);
		return plait_error_no_memory();
	}
	*ret = file;
	return NULL;
}

static struct plait_module_file *new_file(const char *path, uint64_t device, uint64_t inode)
{
	struct plait_module_file *file = calloc(1, sizeof(*file));
	char *copy = strdup(path);
	if (!file || !copy) {
		free(file);
		free(copy);
		return NULL;
	}
	file->fd = -1;
	file->reference = (struct plait_file_reference) { .path = copy, .device = device, .inode = inode };
	return file;
}

/* Opens the mapped file: by the mapping itself, which works for deleted files and other mount namespaces, else by its
 * path when that is still the same inode. `ret_path` gets the way that worked. */
static int open_mapped(const struct plait_module_mapping *mapping, char *ret_path, size_t size)
{
	struct stat status;
	snprintf(ret_path, size, "/proc/%u/map_files/%" PRIx64 "-%" PRIx64, mapping->pid, mapping->start,
		 mapping->start + mapping->size);
	int fd = open(ret_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0)
		return fd;
	for (int i = 0; i < 2; i++) {
		if (i == 0)
			snprintf(ret_path, size, "/proc/%u/root%s", mapping->pid, mapping->path);
		else
			snprintf(ret_path, size, "%s", mapping->path);
		fd = open(ret_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd >= 0 && fstat(fd, &status) == 0 && status.st_ino == mapping->inode)
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return -1;
}

/* Maps the file's bytes and looks whether they are ELF. */
static void read_image(struct plait_module_file *file)
{
	struct stat status;
	if (file->fd < 0 || fstat(file->fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size == 0)
		return;
	void *image = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file->fd, 0);
	if (image == MAP_FAILED)
		return;
	file->image = image;
	file->image_size = (size_t)status.st_size;
	file->is_elf = plait_elf_is_valid(file->image, file->image_size);
	if (file->is_elf)
		file->reference.build_id = plait_elf_build_id(file->image, file->image_size);
}

/* A path under which the open file can be opened again as long as the recorder lives; and whether the path that the
 * target sees has become another file. */
static bool set_open_path(struct plait_module_file *file)
{
	char *path = NULL;
	struct stat seen, open_now;
	if (file->fd < 0)
		return true;
	if (asprintf(&path, "/proc/self/fd/%d", file->fd) < 0)
		return false;
	file->reference.open_path = path;
	file->is_deleted = fstat(file->fd, &open_now) == 0 &&
			   (stat(file->reference.path, &seen) != 0 || seen.st_ino != open_now.st_ino);
	return true;
}

static struct plait_error *open_file(struct plait_module_files *files, const struct plait_module_mapping *mapping,
				     uint64_t key, const struct plait_module_file **ret)
{
	struct plait_module_file *file = new_file(mapping->path, mapping->device, mapping->inode);
	char path[8192];
	if (!file)
		return plait_error_no_memory();
	file->fd = open_mapped(mapping, path, sizeof(path));
	read_image(file);
	if (!set_open_path(file)) {
		destroy_file(file);
		return plait_error_no_memory();
	}
	return add_file(files, &files->by_inode, key, file, ret);
}

/* The vdso has no file: its bytes are read from the process. */
static struct plait_error *read_vdso(struct plait_module_files *files, const struct plait_module_mapping *mapping,
				     const struct plait_module_file **ret)
{
	if (mapping->size > VDSO_MAX)
		return NULL;
	uint8_t *image PLAIT_FREE = malloc(mapping->size);
	if (!image)
		return plait_error_no_memory();
	struct plait_memory memory = plait_memory_of_process((pid_t)mapping->pid);
	if (!plait_memory_read(&memory, mapping->start, image, mapping->size))
		return NULL;
	uint64_t key = plait_hash_bytes(image, mapping->size);
	const uint64_t *known = plait_map_get(&files->vdsos, key);
	if (known) {
		*ret = files->all.data[*known];
		return NULL;
	}
	struct plait_module_file *file = new_file(mapping->path, 0, 0);
	if (!file)
		return plait_error_no_memory();
	file->is_vdso = true;
	file->image_size = mapping->size;
	file->image = PLAIT_TAKE(image);
	file->is_elf = plait_elf_is_valid(file->image, file->image_size);
	if (file->is_elf)
		file->reference.build_id = plait_elf_build_id(file->image, file->image_size);
	return add_file(files, &files->vdsos, key, file, ret);
}

struct plait_error *plait_module_files_get(struct plait_module_files *files, const struct plait_module_mapping *mapping,
					   const struct plait_module_file **ret)
{
	*ret = NULL;
	if (strcmp(mapping->path, "[vdso]") == 0)
		return read_vdso(files, mapping, ret);
	if (mapping->path[0] != '/' || mapping->path[1] == '/' || !mapping->inode)
		return NULL; /* "//anon", "[heap]", "anon_inode:..." */
	uint64_t key = plait_hash_u64(mapping->device) ^ mapping->inode;
	const uint64_t *known = plait_map_get(&files->by_inode, key);
	if (!known)
		return open_file(files, mapping, key, ret);
	*ret = files->all.data[*known];
	return NULL;
}
