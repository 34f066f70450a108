/* links: plait_perf plait_common */
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "perf/process/elf_notes.h"
#include "perf/process/proc.h"
#include "perf/process/process_map.h"
#include "perf/source/source.h"

static struct plait_process_map *make(void)
{
	struct plait_process_map *map = NULL;
	assert_null(plait_process_map_create(&map));
	return map;
}

static void apply(struct plait_process_map *map, struct plait_source_event event)
{
	struct plait_error *error = plait_process_map_apply(map, &event);
	if (error)
		fail_msg("%s", error->message);
}

/* No process of the host has these. */
enum { PID = 0x7ffffff0, CHILD = 0x7ffffff1, THREAD = 0x7ffffff2 };

static struct plait_source_event mapped(uint32_t pid, uint64_t start, uint64_t size, uint64_t offset, const char *path)
{
	return (struct plait_source_event) { .kind = PLAIT_SOURCE_MAP,
					     .pid = pid,
					     .tid = pid,
					     .map = { .start = start,
						      .size = size,
						      .offset = offset,
						      .protection = PROT_READ | PROT_EXEC,
						      .path = path } };
}

static struct plait_source_event forked(uint32_t pid, uint32_t tid, uint32_t parent, uint64_t time)
{
	return (struct plait_source_event) { .kind = PLAIT_SOURCE_FORK,
					     .time = time,
					     .pid = pid,
					     .tid = tid,
					     .fork = { .parent_pid = parent, .parent_tid = parent } };
}

static struct plait_source_event named(enum plait_source_event_kind kind, uint32_t pid, uint32_t tid, const char *name)
{
	return (struct plait_source_event) { .kind = kind, .time = 77, .pid = pid, .tid = tid, .name = name };
}

static void apply_exit(struct plait_process_map *map, uint32_t pid, uint32_t tid)
{
	apply(map, (struct plait_source_event) { .kind = PLAIT_SOURCE_EXIT, .pid = pid, .tid = tid });
}

/* A record of a mapping of the file that is at `path` now. */
static struct plait_source_event mapped_file(uint32_t pid, uint64_t start, const char *path)
{
	struct stat status;
	assert_int_equal(stat(path, &status), 0);
	struct plait_source_event event = mapped(pid, start, 0x1000, 0, path);
	event.map.device = status.st_dev;
	event.map.inode = status.st_ino;
	return event;
}

/* ---- ranges ---- */

static void test_find(void **state)
{
	(void)state;
	struct plait_process_map *map = make();
	apply(map, mapped(PID, 0x10000, 0x2000, 0, "//anon"));
	apply(map, mapped(PID, 0x20000, 0x1000, 0x5000, "//anon"));
	assert_null(plait_process_map_find(map, PID, 0xffff));
	assert_non_null(plait_process_map_find(map, PID, 0x10000));
	assert_non_null(plait_process_map_find(map, PID, 0x11fff));
	assert_null(plait_process_map_find(map, PID, 0x12000));
	assert_int_equal(plait_process_map_find(map, PID, 0x20abc)->offset, 0x5000);
	assert_null(plait_process_map_find(map, PID, UINT64_MAX));
	assert_null(plait_process_map_find(map, CHILD, 0x10000));
	assert_null(plait_process_map_find(map, PID, 0x10000)->file);
	plait_process_map_destroy(map);
	plait_process_map_destroy(NULL);
}

static void test_data_is_not_kept(void **state)
{
	(void)state;
	struct plait_process_map *map = make();
	struct plait_source_event data = mapped(PID, 0x10000, 0x2000, 0, "//anon");
	data.map.protection = PROT_READ | PROT_WRITE;
	apply(map, data);
	assert_null(plait_process_map_find(map, PID, 0x10000));
	struct plait_source_event hostile = mapped(PID, UINT64_MAX - 10, 0x2000, 0, "//anon");
	apply(map, hostile);
	assert_null(plait_process_map_find(map, PID, UINT64_MAX - 5));
	plait_process_map_destroy(map);
}

struct visited {
	uint64_t latest_end;
	size_t count, limit;
};

static bool visit(void *context, const struct plait_mapping *mapping)
{
	struct visited *visited = context;
	assert_true(mapping->start >= visited->latest_end);
	assert_true(mapping->end > mapping->start);
	visited->latest_end = mapping->end;
	return ++visited->count < visited->limit;
}

/* Random mappings over each other, against an array with one entry a page. A page's value is what its address has as
 * offset: a cut mapping must keep it. */
static void test_random_overlaps(void **state)
{
	(void)state;
	enum { PAGES = 64, PAGE = 4096 };
	for (unsigned seed = 0; seed < 20; seed++) {
		struct plait_process_map *map = make();
		uint64_t offsets[PAGES];
		memset(offsets, 0xff, sizeof(offsets));
		srandom(seed);
		for (int round = 0; round < 200; round++) {
			uint64_t first = (uint64_t)random() % PAGES, count = 1 + (uint64_t)random() % 12;
			if (first + count > PAGES)
				count = PAGES - first;
			uint64_t offset = (uint64_t)(round + 1) * 1000 * PAGE;
			apply(map, mapped(PID, (first + 1) * PAGE, count * PAGE, offset, "//anon"));
			for (uint64_t i = 0; i < count; i++)
				offsets[first + i] = offset + i * PAGE;
			for (uint64_t i = 0; i < PAGES; i++) {
				uint64_t address = (i + 1) * PAGE + (uint64_t)random() % PAGE;
				const struct plait_mapping *found = plait_process_map_find(map, PID, address);
				assert_int_equal(found != NULL, offsets[i] != UINT64_MAX);
				if (found)
					assert_int_equal((address & ~(uint64_t)(PAGE - 1)) - found->start +
								 found->offset,
							 offsets[i]);
			}
		}
		struct visited visited = { .limit = SIZE_MAX };
		plait_process_map_each(map, PID, visit, &visited);
		assert_true(visited.count > 5);
		struct visited some = { .limit = 3 };
		plait_process_map_each(map, PID, visit, &some);
		assert_int_equal(some.count, 3);
		plait_process_map_destroy(map);
	}
}

static bool collect_generation(void *context, const struct plait_mapping *mapping)
{
	uint64_t **next = context;
	*(*next)++ = mapping->generation;
	return true;
}

/* A generation is a cache key: no two mappings share one, and none comes back. */
static void test_generations(void **state)
{
	(void)state;
	struct plait_process_map *map = make();
	uint64_t generations[16], *next = generations;
	apply(map, mapped(PID, 0x10000, 0x9000, 0, "//anon"));
	plait_process_map_each(map, PID, collect_generation, &next);
	apply(map, mapped(PID, 0x13000, 0x1000, 0, "//anon")); /* in its middle: three mappings */
	uint64_t *second = next;
	plait_process_map_each(map, PID, collect_generation, &next);
	assert_int_equal(next - second, 3);
	second[0] = UINT64_MAX; /* the lower part may stay what it was */
	apply(map, forked(CHILD, CHILD, PID, 5));
	plait_process_map_each(map, CHILD, collect_generation, &next);
	apply(map, mapped(PID, 0x13000, 0x1000, 0, "//anon"));
	*next++ = plait_process_map_find(map, PID, 0x13000)->generation;
	for (uint64_t *a = generations; a < next; a++)
		for (uint64_t *b = a + 1; b < next; b++)
			assert_int_not_equal(*a, *b);
	plait_process_map_destroy(map);
}

/* ---- processes and names ---- */

static void test_fork_and_exec(void **state)
{
	(void)state;
	struct plait_process_map *map = make();
	apply(map, mapped(PID, 0x10000, 0x1000, 0x7000, "//anon"));
	apply(map, named(PLAIT_SOURCE_NAME, PID, PID, "parent"));
	apply(map, forked(CHILD, CHILD, PID, 500));
	const struct plait_process *child = plait_process_map_process(map, CHILD);
	assert_non_null(child);
	assert_int_equal(child->pid, CHILD);
	assert_int_equal(child->start_time, 500);
	assert_string_equal(child->name, "parent");
	assert_string_equal(plait_process_map_thread_name(map, CHILD), "parent");
	assert_int_equal(plait_process_map_find(map, CHILD, 0x10010)->offset, 0x7000);
	/* from now on they are apart */
	apply(map, mapped(CHILD, 0x20000, 0x1000, 0, "//anon"));
	assert_null(plait_process_map_find(map, PID, 0x20000));
	uint32_t serial = child->serial;
	assert_int_not_equal(serial, plait_process_map_process(map, PID)->serial);
	apply(map, named(PLAIT_SOURCE_EXEC, CHILD, CHILD, "program"));
	child = plait_process_map_process(map, CHILD);
	assert_int_not_equal(child->serial, serial);
	assert_int_equal(child->start_time, 77);
	assert_string_equal(child->name, "program");
	assert_null(plait_process_map_find(map, CHILD, 0x10010));
	assert_null(plait_process_map_find(map, CHILD, 0x20000));
	assert_non_null(plait_process_map_find(map, PID, 0x10010));
	plait_process_map_destroy(map);
}

/* A thread shares the process's mappings; a process forked by a thread has the thread's name. */
static void test_threads(void **state)
{
	(void)state;
	struct plait_process_map *map = make();
	apply(map, mapped(PID, 0x10000, 0x1000, 0, "//anon"));
	apply(map, named(PLAIT_SOURCE_NAME, PID, PID, "main"));
	apply(map, forked(PID, THREAD, PID, 1));
	assert_null(plait_process_map_process(map, THREAD));
	assert_string_equal(plait_process_map_thread_name(map, THREAD), "main");
	apply(map, named(PLAIT_SOURCE_NAME, PID, THREAD, "worker"));
	assert_string_equal(plait_process_map_thread_name(map, THREAD), "worker");
	assert_string_equal(plait_process_map_process(map, PID)->name, "main");
	struct plait_source_event fork = forked(CHILD, CHILD, PID, 2);
	fork.fork.parent_tid = THREAD;
	apply(map, fork);
	assert_string_equal(plait_process_map_process(map, CHILD)->name, "worker");
	apply_exit(map, PID, THREAD);
	assert_null(plait_process_map_thread_name(map, THREAD));
	assert_non_null(plait_process_map_find(map, PID, 0x10000));
	assert_null(plait_process_map_thread_name(map, 12345678));
	plait_process_map_destroy(map);
}

/* Thousands of processes come and go: the recent ones are still known (samples may follow), the old ones are not. */
static void test_storm(void **state)
{
	(void)state;
	enum { COUNT = 5000 };
	struct plait_process_map *map = make();
	apply(map, mapped(PID, 0x10000, 0x1000, 0, "//anon"));
	const uint32_t first = 0x60000000; /* above every pid_max */
	for (uint32_t i = 0; i < COUNT; i++) {
		apply(map, forked(first + i, first + i, PID, i));
		apply_exit(map, first + i, first + i);
		assert_non_null(plait_process_map_find(map, first + i, 0x10000));
	}
	assert_null(plait_process_map_process(map, first));
	assert_null(plait_process_map_thread_name(map, first));
	assert_non_null(plait_process_map_process(map, first + COUNT - 100));
	/* a pid that comes again is another process */
	uint32_t serial = plait_process_map_process(map, first + COUNT - 1)->serial;
	apply(map, forked(first + COUNT - 1, first + COUNT - 1, PID, COUNT));
	assert_int_not_equal(plait_process_map_process(map, first + COUNT - 1)->serial, serial);
	plait_process_map_destroy(map);
}

/* ---- this process ---- */

/* The dynamic linker's own list is the truth about load biases. */
static int check_object(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size;
	const struct plait_process_map *map = context;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X))
			continue;
		const struct plait_mapping *found =
			plait_process_map_find(map, (uint32_t)getpid(), info->dlpi_addr + segment->p_vaddr);
		assert_non_null(found);
		assert_non_null(found->file);
		assert_true(found->file->is_elf);
		assert_non_null(found->file->image);
		assert_int_equal(found->bias, info->dlpi_addr);
		assert_true(found->protection & PROT_EXEC);
	}
	return 0;
}

static void test_scan_of_self(void **state)
{
	(void)state;
	struct plait_process_map *map = make();
	assert_null(plait_process_map_scan(map, (uint32_t)getpid()));
	dl_iterate_phdr(check_object, map);
	const struct plait_process *process = plait_process_map_process(map, (uint32_t)getpid());
	assert_string_equal(process->name, "test_process_ma"); /* a name has 15 characters */
	assert_string_equal(plait_process_map_thread_name(map, (uint32_t)gettid()), "test_process_ma");
	assert_int_equal(process->start_time, 0);
	/* argv and the environment lie above the place where the stack began */
	uint64_t start_stack = process->start_stack;
	assert_true(start_stack > (uint64_t)(uintptr_t)&process);
	assert_true(start_stack <= (uint64_t)(uintptr_t)environ[0]);
	assert_int_equal(start_stack, plait_process_start_stack((uint32_t)getpid()));
	uint32_t files = plait_process_map_file_count(map);
	assert_true(files >= 4);
	for (uint32_t i = 0; i < files; i++)
		assert_int_equal(plait_process_map_file(map, i)->id, i);
	assert_null(plait_process_map_file(map, files));
	assert_null(plait_process_map_scan(map, (uint32_t)getpid())); /* again: nothing new */
	assert_int_equal(plait_process_map_file_count(map), files);
	plait_process_map_destroy(map);
}

static void test_vdso(void **state)
{
	(void)state;
	uint64_t address = getauxval(AT_SYSINFO_EHDR);
	if (!address) {
		print_message("skipped: this process has no vdso\n");
		skip();
	}
	struct plait_process_map *map = make();
	assert_null(plait_process_map_scan(map, (uint32_t)getpid()));
	const struct plait_mapping *vdso = plait_process_map_find(map, (uint32_t)getpid(), address);
	assert_non_null(vdso);
	assert_true(vdso->file->is_vdso && vdso->file->is_elf);
	assert_string_equal(vdso->file->reference.path, "[vdso]");
	assert_int_equal(vdso->bias, address);
	assert_int_equal(vdso->file->fd, -1);
	assert_memory_equal(vdso->file->image, (const void *)(uintptr_t)address, 64);
	uint32_t id = vdso->file->id;
	/* a record has the page's number as offset; and of a process that is gone already the vdso is the same */
	apply(map, mapped(PID, address, vdso->end - vdso->start, address, "[vdso]"));
	const struct plait_mapping *other = plait_process_map_find(map, PID, address);
	assert_int_equal(other->file->id, id);
	assert_int_equal(other->bias, address);
	apply(map, mapped(PID, 0x10000, vdso->end - vdso->start, 0, "[vdso]")); /* of a 32 bit process */
	assert_null(plait_process_map_find(map, PID, 0x10000)->file);
	plait_process_map_destroy(map);
}

static void test_no_process(void **state)
{
	(void)state;
	struct plait_process_map *map = make();
	struct plait_error *error = plait_process_map_scan(map, PID);
	assert_non_null(error);
	assert_int_equal(error->code, PLAIT_ERROR_NOT_FOUND);
	plait_error_free(error);
	assert_null(plait_process_map_process(map, PID));
	assert_int_equal(plait_process_start_stack(PID), 0);
	plait_process_map_destroy(map);
}

/* ---- files ---- */

static char folder[] = "/tmp/plait-process-map-XXXXXX";

static char *in_folder(const char *name)
{
	static char path[4][256];
	static unsigned turn;
	char *ret = path[turn++ % 4];
	snprintf(ret, 256, "%s/%s", folder, name);
	return ret;
}

static void copy_file(const char *from, const char *to)
{
	static char bytes[1 << 22];
	FILE *source = fopen(from, "re"), *target = fopen(to, "we");
	assert_non_null(source);
	assert_non_null(target);
	size_t size = fread(bytes, 1, sizeof(bytes), source);
	assert_true(size > 0 && size < sizeof(bytes));
	assert_int_equal(fwrite(bytes, 1, size, target), size);
	fclose(source);
	fclose(target);
}

static const char *library_path(void)
{
	Dl_info info;
	assert_true(dladdr((void *)(uintptr_t)_cmocka_run_group_tests, &info));
	return info.dli_fname;
}

static const struct plait_module_file *file_at(struct plait_process_map *map, const void *address)
{
	const struct plait_mapping *mapping =
		plait_process_map_find(map, (uint32_t)getpid(), (uint64_t)(uintptr_t)address);
	assert_non_null(mapping);
	return mapping->file;
}

static void test_deleted_file(void **state)
{
	(void)state;
	char *path = in_folder("deleted.so");
	copy_file(library_path(), path);
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	assert_non_null(library);
	const void *code = dlsym(library, "_cmocka_run_group_tests");
	assert_ptr_not_equal(code, _cmocka_run_group_tests);
	assert_int_equal(unlink(path), 0);
	struct plait_process_map *map = make();
	assert_null(plait_process_map_scan(map, (uint32_t)getpid()));
	const struct plait_module_file *file = file_at(map, code);
	const struct plait_module_file *original = file_at(map, (const void *)(uintptr_t)_cmocka_run_group_tests);
	if (!file->image && access("/proc/self/map_files", R_OK | X_OK) != 0) {
		print_message("skipped: /proc/PID/map_files may not be read here\n");
		plait_process_map_destroy(map);
		dlclose(library);
		skip();
	}
	assert_true(file->is_deleted && file->is_elf);
	assert_false(original->is_deleted);
	assert_string_equal(file->reference.path, path); /* without the kernel's " (deleted)" */
	assert_int_equal(file->image_size, original->image_size);
	assert_memory_equal(file->image, original->image, original->image_size);
	assert_true(original->reference.build_id.size > 0);
	assert_memory_equal(&file->reference.build_id, &original->reference.build_id, sizeof(struct plait_build_id));
	int fd = open(file->reference.open_path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	close(fd);
	/* a new file in its place is not it */
	copy_file("/proc/self/exe", path);
	struct plait_process_map *later = make();
	assert_null(plait_process_map_scan(later, (uint32_t)getpid()));
	assert_true(file_at(later, code)->is_deleted);
	assert_memory_equal(file_at(later, code)->image, original->image, original->image_size);
	plait_process_map_destroy(later);
	plait_process_map_destroy(map);
	unlink(path);
	dlclose(library);
}

/* Two processes have one file; it is opened once. A process that is gone leaves the path, if that is still the file. */
static void test_shared_and_short_lived(void **state)
{
	(void)state;
	struct plait_process_map *map = make();
	apply(map, mapped_file(PID, 0x10000, library_path()));
	apply(map, mapped_file(CHILD, 0x90000, library_path()));
	const struct plait_mapping *first = plait_process_map_find(map, PID, 0x10000);
	const struct plait_mapping *second = plait_process_map_find(map, CHILD, 0x90000);
	assert_ptr_equal(first->file, second->file);
	assert_true(first->file->is_elf);
	assert_false(first->file->is_deleted);
	assert_int_equal(plait_process_map_file_count(map), 1);
	/* the same path, but another inode: what lies there now was not mapped */
	struct plait_source_event stale = mapped_file(PID, 0x20000, library_path());
	stale.map.inode++;
	apply(map, stale);
	const struct plait_module_file *unknown = plait_process_map_find(map, PID, 0x20000)->file;
	assert_null(unknown->image);
	assert_int_equal(unknown->fd, -1);
	assert_null(unknown->reference.open_path);
	assert_false(unknown->is_elf);
	assert_string_equal(unknown->reference.path, library_path());
	apply(map, stale); /* it is not opened, and not entered again */
	assert_int_equal(plait_process_map_file_count(map), 2);
	plait_process_map_destroy(map);
}

/* Unreadable at first, there at the second try. */
static void test_second_chance(void **state)
{
	(void)state;
	char *path = in_folder("moved.so"), *away = in_folder("away.so");
	copy_file(library_path(), path);
	struct plait_source_event event = mapped_file(PID, 0x10000, path);
	assert_int_equal(rename(path, away), 0);
	struct plait_process_map *map = make();
	apply(map, event);
	assert_null(plait_process_map_find(map, PID, 0x10000)->file->image);
	assert_int_equal(rename(away, path), 0);
	event.pid = CHILD;
	apply(map, event);
	assert_non_null(plait_process_map_find(map, CHILD, 0x10000)->file->image);
	assert_null(plait_process_map_find(map, PID, 0x10000)->file->image); /* who has it keeps what was known */
	plait_process_map_destroy(map);
	unlink(path);
}

/* A linker that writes into the same inode makes another file of it. */
static void test_rewritten_file(void **state)
{
	(void)state;
	char *path = in_folder("rewritten.so");
	copy_file(library_path(), path);
	struct plait_process_map *map = make();
	apply(map, mapped_file(PID, 0x10000, path));
	uint32_t id = plait_process_map_find(map, PID, 0x10000)->file->id;
	usleep(20000);
	copy_file("/proc/self/exe", path);
	apply(map, mapped_file(PID, 0x20000, path));
	const struct plait_module_file *file = plait_process_map_find(map, PID, 0x20000)->file;
	assert_int_not_equal(file->id, id);
	assert_true(file->is_elf);
	plait_process_map_destroy(map);
	unlink(path);
}

/* What is no regular file is not opened (a pipe would block, a device act), what is no ELF file not mapped. */
static void test_odd_files(void **state)
{
	(void)state;
	char *fifo = in_folder("fifo"), *text = in_folder("text"), *tiny = in_folder("tiny");
	assert_int_equal(mkfifo(fifo, 0600), 0);
	FILE *file = fopen(text, "we");
	for (int i = 0; i < 2000; i++)
		fputs("no program\n", file);
	fclose(file);
	file = fopen(tiny, "we");
	fputs("\177ELF", file);
	fclose(file);
	struct plait_process_map *map = make();
	apply(map, mapped_file(PID, 0x10000, fifo));
	apply(map, mapped_file(PID, 0x20000, text));
	apply(map, mapped_file(PID, 0x30000, tiny));
	assert_int_equal(plait_process_map_find(map, PID, 0x10000)->file->fd, -1);
	assert_false(plait_process_map_find(map, PID, 0x20000)->file->is_elf);
	assert_null(plait_process_map_find(map, PID, 0x20000)->file->image);
	assert_false(plait_process_map_find(map, PID, 0x30000)->file->is_elf);
	plait_process_map_destroy(map);
	unlink(fifo);
	unlink(text);
	unlink(tiny);
}

/* With few descriptors left, files are mapped and closed. */
static void with_few_descriptors(void)
{
	struct rlimit limit = { 8, 8 };
	struct plait_process_map *map = make();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (int fd = dup(0); fd < 5; fd = dup(0))
		assert_true(fd >= 0);
	apply(map, mapped_file(PID, 0x10000, library_path()));
	const struct plait_module_file *file = plait_process_map_find(map, PID, 0x10000)->file;
	assert_true(file->is_elf);
	assert_non_null(file->image);
	assert_int_equal(file->fd, -1);
	assert_string_equal(file->reference.open_path, library_path());
	apply(map, mapped_file(CHILD, 0x10000, library_path()));
	assert_int_equal(plait_process_map_file_count(map), 1);
	plait_process_map_destroy(map);
}

static void test_few_descriptors(void **state)
{
	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		with_few_descriptors();
		_exit(0);
	}
	int status;
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* A child that maps a library that is deleted, seen from outside, before and after it has ended. */
static void test_live_child(void **state)
{
	(void)state;
	int ready[2];
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "odd) (name");
		if (write(ready[1], "r", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	char byte;
	assert_int_equal(read(ready[0], &byte, 1), 1);
	struct plait_process_map *map = make();
	assert_null(plait_process_map_scan(map, (uint32_t)pid));
	assert_null(plait_process_map_scan(map, (uint32_t)getpid()));
	const struct plait_process *child = plait_process_map_process(map, (uint32_t)pid);
	assert_string_equal(child->name, "odd) (name");
	uint64_t start_stack = child->start_stack;
	assert_int_equal(start_stack, plait_process_map_process(map, (uint32_t)getpid())->start_stack); /* forked */
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	uint64_t code = (uint64_t)(uintptr_t)test_live_child;
	const struct plait_mapping *mapping = plait_process_map_find(map, (uint32_t)pid, code);
	assert_ptr_equal(mapping->file, file_at(map, (const void *)(uintptr_t)code));
	int fd = open(mapping->file->reference.open_path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	close(fd);
	close(ready[0]);
	close(ready[1]);
	plait_process_map_destroy(map);
}

/* ---- text and bytes from outside ---- */

static void test_stat_text(void **state)
{
	(void)state;
	struct plait_proc_stat stat;
	const char *text = "42 (a) R ) b) S 1 1 1 0 -1 4194304 100 0 0 0 1 2 0 0 20 0 1 0 5555 8192000 300 "
			   "18446744073709551615 4096 8192 140737488351232 0 0\n";
	assert_true(plait_proc_parse_stat(text, &stat));
	assert_int_equal(stat.memory_size, 8192000);
	assert_int_equal(stat.start_code, 4096);
	assert_int_equal(stat.start_stack, 140737488351232);
	for (size_t size = 0; size < strlen(text) - 24; size++) { /* cut anywhere: no such text, or not yet field 28 */
		char cut[256];
		snprintf(cut, sizeof(cut), "%.*s", (int)size, text);
		if (plait_proc_parse_stat(cut, &stat))
			fail_msg("'%s' was taken", cut);
	}
}

static void test_maps_text(void **state)
{
	(void)state;
	struct plait_source_map map;
	char line[] =
		"7f0011220000-7f0011223000 r-xp 00002000 08:01 1234567                    /usr/lib/a b.so (deleted)\n";
	assert_true(plait_proc_parse_maps_line(line, &map));
	assert_int_equal(map.start, 0x7f0011220000);
	assert_int_equal(map.size, 0x3000);
	assert_int_equal(map.offset, 0x2000);
	assert_int_equal(map.protection, PROT_READ | PROT_EXEC);
	assert_int_equal(map.inode, 1234567);
	assert_string_equal(map.path, "/usr/lib/a b.so (deleted)");
	char anonymous[] = "1000-2000 rw-p 00000000 00:00 0 \n";
	assert_true(plait_proc_parse_maps_line(anonymous, &map));
	assert_string_equal(map.path, "");
	char backwards[] = "2000-1000 rw-p 00000000 00:00 0 \n", nonsense[] = "Size:   4 kB\n", empty[] = "";
	assert_false(plait_proc_parse_maps_line(backwards, &map));
	assert_false(plait_proc_parse_maps_line(nonsense, &map));
	assert_false(plait_proc_parse_maps_line(empty, &map));
}

struct tiny_elf {
	Elf64_Ehdr header;
	Elf64_Phdr segments[4];
	uint8_t notes[64];
};

static struct tiny_elf tiny_elf(void)
{
	struct tiny_elf elf = {
		.header = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			    .e_phoff = sizeof(Elf64_Ehdr),
			    .e_phentsize = sizeof(Elf64_Phdr),
			    .e_phnum = 4 },
		/* Two executable PT_LOADs that share page 0x5000 of the file, as OpenBLAS has them, and one for data
		 * on that page too. */
		.segments = {
			{ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_offset = 0x1000, .p_vaddr = 0x1000, .p_filesz = 0x4100 },
			{ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_offset = 0x5100, .p_vaddr = 0x8100, .p_filesz = 0x2000 },
			{ .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_offset = 0x7100, .p_vaddr = 0xb100, .p_filesz = 0x800 },
			{ .p_type = PT_NOTE, .p_offset = offsetof(struct tiny_elf, notes), .p_filesz = 64 },
		},
	};
	return elf;
}

static void test_bias(void **state)
{
	(void)state;
	struct tiny_elf elf = tiny_elf();
	const uint8_t *image = (const uint8_t *)&elf;
	uint64_t bias = 1, base = 0x7f0000000000;
	assert_true(plait_elf_is_valid(image, sizeof(elf)));
	assert_true(plait_elf_bias(image, base + 0x1000, 0x1000, true, &bias));
	assert_int_equal(bias, base);
	assert_true(
		plait_elf_bias(image, base + 0x8000, 0x5000, true, &bias)); /* the second, not the first's last page */
	assert_int_equal(bias, base);
	assert_true(plait_elf_bias(image, base + 0x9000, 0x6000, true, &bias)); /* a part of it, after mprotect(2) */
	assert_int_equal(bias, base);
	assert_true(plait_elf_bias(image, base + 0xb000, 0x7000, false, &bias));
	assert_int_equal(bias, base);
	assert_true(plait_elf_bias(image, base + 0xa000, 0x7000, true, &bias));
	assert_int_equal(bias, base);
	bias = 1;
	assert_false(plait_elf_bias(image, base, 0x9000, true, &bias));
	assert_int_equal(bias, 1);
	elf.segments[0].p_filesz = UINT64_MAX; /* would wrap around */
	assert_false(plait_elf_bias(image, base, 0x9000, true, &bias));
}

static void put_note(struct tiny_elf *elf, size_t at, uint32_t type, const char *name, uint32_t name_size,
		     uint32_t size)
{
	Elf64_Nhdr note = { .n_namesz = name_size, .n_descsz = size, .n_type = type };
	memcpy(elf->notes + at, &note, sizeof(note));
	memcpy(elf->notes + at + sizeof(note), name, 4);
}

static void test_build_id(void **state)
{
	(void)state;
	struct tiny_elf elf = tiny_elf();
	const uint8_t *image = (const uint8_t *)&elf;
	put_note(&elf, 0, 1, "GNU", 4, 4); /* another note comes first */
	put_note(&elf, 20, NT_GNU_BUILD_ID, "GNU", 4, 20);
	memset(elf.notes + 36, 0xab, 20);
	struct plait_build_id id = plait_elf_build_id(image, sizeof(elf));
	assert_int_equal(id.size, 20);
	assert_int_equal(id.bytes[0], 0xab);
	assert_int_equal(id.bytes[19], 0xab);
	const uint32_t hostile[] = { 29, 33, 1000, 0xfffffff0, UINT32_MAX };
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		put_note(&elf, 20, NT_GNU_BUILD_ID, "GNU", 4, hostile[i]);
		assert_int_equal(plait_elf_build_id(image, sizeof(elf)).size, 0);
		put_note(&elf, 0, 1, "GNU", hostile[i] | 0x40, 4);
		assert_int_equal(plait_elf_build_id(image, sizeof(elf)).size, 0);
		put_note(&elf, 0, 1, "GNU", 4, 4);
	}
	put_note(&elf, 20, NT_GNU_BUILD_ID, "Xen", 4, 20);
	assert_int_equal(plait_elf_build_id(image, sizeof(elf)).size, 0);
	put_note(&elf, 20, NT_GNU_BUILD_ID, "GNU", 4, 20);
	elf.segments[3].p_offset = UINT64_MAX - 3;
	assert_int_equal(plait_elf_build_id(image, sizeof(elf)).size, 0);
}

static void test_hostile_headers(void **state)
{
	(void)state;
	struct tiny_elf elf = tiny_elf();
	for (size_t size = 0; size < offsetof(struct tiny_elf, notes); size++) {
		uint8_t *cut = malloc(size ? size : 1);
		memcpy(cut, &elf, size);
		assert_false(plait_elf_is_valid(cut, size));
		free(cut);
	}
	assert_false(plait_elf_is_valid(NULL, 0));
	elf.header.e_phoff = UINT64_MAX - 8;
	assert_false(plait_elf_is_valid((const uint8_t *)&elf, sizeof(elf)));
	elf = tiny_elf();
	elf.header.e_phnum = 0xffff;
	assert_false(plait_elf_is_valid((const uint8_t *)&elf, sizeof(elf)));
	elf = tiny_elf();
	elf.header.e_ident[EI_CLASS] = ELFCLASS32;
	assert_false(plait_elf_is_valid((const uint8_t *)&elf, sizeof(elf)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_data_is_not_kept),
		cmocka_unit_test(test_random_overlaps),
		cmocka_unit_test(test_generations),
		cmocka_unit_test(test_fork_and_exec),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_storm),
		cmocka_unit_test(test_scan_of_self),
		cmocka_unit_test(test_vdso),
		cmocka_unit_test(test_no_process),
		cmocka_unit_test(test_deleted_file),
		cmocka_unit_test(test_shared_and_short_lived),
		cmocka_unit_test(test_second_chance),
		cmocka_unit_test(test_rewritten_file),
		cmocka_unit_test(test_odd_files),
		cmocka_unit_test(test_few_descriptors),
		cmocka_unit_test(test_live_child),
		cmocka_unit_test(test_stat_text),
		cmocka_unit_test(test_maps_text),
		cmocka_unit_test(test_bias),
		cmocka_unit_test(test_build_id),
		cmocka_unit_test(test_hostile_headers),
	};
	if (!mkdtemp(folder))
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(folder);
	return failed;
}
