#include "perf/process/module_files.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/memory.h"
#include "perf/process/elf_notes.h"

enum { VDSO_MAX = 1 << 20, PATH_SIZE = 8192 };

#define DELETED_SUFFIX " (deleted)" /* d_path() in fs/d_path.c */

static void destroy_entry(struct plait_module_entry *entry)
{
	struct plait_module_file *file = &entry->file;
	if (file->image && file->is_vdso)
		free((void *)(uintptr_t)file->image);
	else if (file->image)
		munmap((void *)(uintptr_t)file->image, file->image_size);
	if (file->fd >= 0)
		close(file->fd);
	free((void *)(uintptr_t)file->reference.path);
	free((void *)(uintptr_t)file->reference.open_path);
	free(entry);
}

void plait_module_files_release(struct plait_module_files *files)
{
	for (size_t i = 0; i < files->all.count; i++)
		destroy_entry(files->all.data[i]);
	plait_vec_free(&files->all);
	plait_map_release(&files->by_inode);
	plait_map_release(&files->vdsos);
}

/* Adds `entry` (owned from now on) to the table and to `index` under `key`. */
static struct plait_error *add_entry(struct plait_module_files *files, struct plait_map *index, uint64_t key,
				     struct plait_module_entry *entry, const struct plait_module_file **ret)
{
	entry->file.id = (uint32_t)files->all.count;
	if (!plait_vec_reserve(&files->all, 1) || !plait_map_put(index, key, entry->file.id)) {
		destroy_entry(entry);
		return plait_error_no_memory();
	}
	files->all.data[files->all.count++] = entry;
	*ret = &entry->file;
	return NULL;
}

/* The path without the kernel's remark that it is deleted. NULL when memory ran out. */
static char *plain_path(const char *path)
{
	size_t size = strlen(path), suffix = strlen(DELETED_SUFFIX);
	bool remarked = size > suffix && strcmp(path + size - suffix, DELETED_SUFFIX) == 0;
	return strndup(path, remarked ? size - suffix : size);
}

static struct plait_module_entry *new_entry(const char *path, uint64_t device, uint64_t inode)
{
	struct plait_module_entry *entry = calloc(1, sizeof(*entry));
	char *copy = plain_path(path);
	if (!entry || !copy) {
		free(entry);
		free(copy);
		return NULL;
	}
	entry->file.fd = -1;
	entry->file.reference = (struct plait_file_reference) { .path = copy, .device = device, .inode = inode };
	return entry;
}

/* Whether `path` leads to the mapped file, a regular one. On btrfs and overlayfs stat(2) gives a device of its own,
 * which is not that of the mapping. */
static bool is_mapped_file(const char *path, const struct plait_module_mapping *mapping)
{
	struct stat status;
	struct statfs system;
	if (stat(path, &status) != 0 || !S_ISREG(status.st_mode) || status.st_ino != mapping->inode)
		return false;
	if (status.st_dev == mapping->device)
		return true;
	return statfs(path, &system) == 0 &&
	       (system.f_type == BTRFS_SUPER_MAGIC || system.f_type == OVERLAYFS_SUPER_MAGIC);
}

/* The ways to the file: by the mapping itself, which works for deleted files; by the process's root, which works in
 * other mount namespaces; and by its path, when the process is gone. Sets `ret` to the first that leads to it. */
static bool find_way(const struct plait_module_mapping *mapping, const char *path, char *ret, size_t size)
{
	snprintf(ret, size, "/proc/%u/map_files/%" PRIx64 "-%" PRIx64, mapping->pid, mapping->start,
		 mapping->start + mapping->size);
	if (is_mapped_file(ret, mapping))
		return true;
	snprintf(ret, size, "/proc/%u/root%s", mapping->pid, path);
	if (is_mapped_file(ret, mapping))
		return true;
	snprintf(ret, size, "%s", path);
	return is_mapped_file(ret, mapping);
}

/* Maps the file's bytes if they are ELF. */
static void read_image(struct plait_module_entry *entry)
{
	struct plait_module_file *file = &entry->file;
	struct stat status;
	uint8_t magic[4] = { 0 };
	if (fstat(file->fd, &status) != 0)
		return;
	entry->modified = status.st_mtim;
	if (pread(file->fd, magic, sizeof(magic), 0) != sizeof(magic) || memcmp(magic, "\177ELF", 4) != 0)
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

/* Descriptors are left for other things: from three quarters of the limit on, an image does without. */
static bool descriptors_short(int fd)
{
	struct rlimit limit;
	return getrlimit(RLIMIT_NOFILE, &limit) == 0 && (rlim_t)fd >= limit.rlim_cur / 4 * 3;
}

/* Chooses the path under which others can open the file: by our descriptor, as long as the map lives. Without one, the
 * way that led to it, as long as that leads there. Returns false when memory ran out. */
static bool set_open_path(struct plait_module_file *file, const char *way)
{
	char *path = NULL;
	if (file->image && descriptors_short(file->fd)) {
		close(file->fd);
		file->fd = -1;
		path = strdup(way);
	} else if (asprintf(&path, "/proc/self/fd/%d", file->fd) < 0) {
		path = NULL;
	}
	file->reference.open_path = path;
	return path != NULL;
}

static bool is_deleted(const struct plait_module_mapping *mapping, const char *path)
{
	char there[PATH_SIZE];
	snprintf(there, sizeof(there), "/proc/%u/root%s", mapping->pid, path);
	return !is_mapped_file(there, mapping) && !is_mapped_file(path, mapping);
}

static struct plait_error *open_file(struct plait_module_files *files, const struct plait_module_mapping *mapping,
				     uint64_t key, const struct plait_module_file **ret)
{
	struct plait_module_entry *entry = new_entry(mapping->path, mapping->device, mapping->inode);
	char way[PATH_SIZE];
	if (!entry)
		return plait_error_no_memory();
	const char *path = entry->file.reference.path;
	if (find_way(mapping, path, way, sizeof(way)))
		entry->file.fd = open(way, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (entry->file.fd >= 0) {
		read_image(entry);
		entry->file.is_deleted = is_deleted(mapping, path);
		if (!set_open_path(&entry->file, way)) {
			destroy_entry(entry);
			return plait_error_no_memory();
		}
	}
	return add_entry(files, &files->by_inode, key, entry, ret);
}

/* Whether a mapping of the same device and inode has what was read: a linker may have written a new program over it.
 * While we have it open or mapped, its inode is not given to another file. */
static bool is_current(const struct plait_module_entry *entry)
{
	struct stat status;
	if (entry->file.fd < 0 || !entry->file.is_elf)
		return entry->file.fd >= 0 || entry->file.image;
	return fstat(entry->file.fd, &status) == 0 && status.st_mtim.tv_sec == entry->modified.tv_sec &&
	       status.st_mtim.tv_nsec == entry->modified.tv_nsec;
}

static struct plait_error *get_file(struct plait_module_files *files, const struct plait_module_mapping *mapping,
				    const struct plait_module_file **ret)
{
	uint64_t identity[2] = { mapping->device, mapping->inode };
	uint64_t key = plait_hash_bytes(identity, sizeof(identity));
	const uint64_t *known = plait_map_get(&files->by_inode, key);
	if (!known)
		return open_file(files, mapping, key, ret);
	const struct plait_module_entry *entry = files->all.data[*known];
	char way[PATH_SIZE];
	*ret = &entry->file;
	if (is_current(entry) ||
	    (!entry->file.image && !find_way(mapping, entry->file.reference.path, way, sizeof(way))))
		return NULL;
	return open_file(files, mapping, key, ret);
}

/* When the process was gone before its vdso could be read: all 64 bit processes have the same one, and the address
 * tells them from 32 bit ones. */
static const struct plait_module_file *other_vdso(const struct plait_module_files *files,
						  const struct plait_module_mapping *mapping)
{
	for (size_t i = 0; i < files->vdsos.capacity && mapping->start > UINT32_MAX; i++) {
		if (!files->vdsos.slots[i].used)
			continue;
		const struct plait_module_file *file = &files->all.data[files->vdsos.slots[i].value]->file;
		if (file->is_elf && file->image_size == mapping->size)
			return file;
	}
	return NULL;
}

/* The vdso has no file: its bytes are read from the process. */
static struct plait_error *get_vdso(struct plait_module_files *files, const struct plait_module_mapping *mapping,
				    const struct plait_module_file **ret)
{
	if (mapping->size > VDSO_MAX)
		return NULL;
	uint8_t *image PLAIT_FREE = malloc(mapping->size);
	if (!image)
		return plait_error_no_memory();
	struct plait_memory memory = plait_memory_of_process((pid_t)mapping->pid);
	if (!plait_memory_read(&memory, mapping->start, image, mapping->size)) {
		*ret = other_vdso(files, mapping);
		return NULL;
	}
	uint64_t key = plait_hash_bytes(image, mapping->size);
	const uint64_t *known = plait_map_get(&files->vdsos, key);
	if (known) {
		*ret = &files->all.data[*known]->file;
		return NULL;
	}
	struct plait_module_entry *entry = new_entry(mapping->path, 0, 0);
	if (!entry)
		return plait_error_no_memory();
	struct plait_module_file *file = &entry->file;
	file->is_vdso = true;
	file->image_size = mapping->size;
	file->image = PLAIT_TAKE(image);
	file->is_elf = plait_elf_is_valid(file->image, file->image_size);
	if (file->is_elf)
		file->reference.build_id = plait_elf_build_id(file->image, file->image_size);
	return add_entry(files, &files->vdsos, key, entry, ret);
}

struct plait_error *plait_module_files_get(struct plait_module_files *files, const struct plait_module_mapping *mapping,
					   const struct plait_module_file **ret)
{
	*ret = NULL;
	if (strcmp(mapping->path, "[vdso]") == 0)
		return get_vdso(files, mapping, ret);
	if (mapping->path[0] != '/' || !mapping->inode)
		return NULL; /* "//anon", "[heap]", "anon_inode:..." */
	return get_file(files, mapping, ret);
}
