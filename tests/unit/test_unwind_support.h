/*
 * For tests of perf/unwind: this process's mappings as an unwinder's caller would answer them, stack copies, and
 * libdw's own frame-by-frame unwinder over the same copy as the oracle.
 */
#ifndef PLAIT_TESTS_UNIT_TEST_UNWIND_SUPPORT_H
#define PLAIT_TESTS_UNIT_TEST_UNWIND_SUPPORT_H

#include <elf.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "perf/unwind/unwinder.h"
#include "unit/arch_moment.h"

#define MAPS_MAX 512
#define STACK_MAX (1024 * 1024)
#define ORACLE_FRAMES_MAX 1024

struct image {
	char path[512];
	const uint8_t *bytes;
	size_t size;
};

struct mapping {
	uint64_t start, end, offset;
	bool executable;
	int image; /* -1: no file */
};

/* The mappings of one process. */
struct maps {
	struct mapping maps[MAPS_MAX];
	size_t count;
	struct image images[MAPS_MAX];
	size_t image_count;
	uint64_t stack_end; /* of the main thread */
	pid_t pid;
	size_t finds; /* calls of find */
};

/* A leaf function may use this much below its stack pointer. Only libdw gets to see it: no stack copy has it. */
#define RED_ZONE 128

/* A stopped moment: registers and the stack from RED_ZONE below sp to its end. */
struct moment {
	struct plait_registers registers;
	uint64_t address;
	size_t size;
	uint8_t data[STACK_MAX];
};

static inline bool read_self_or_child(pid_t pid, uint64_t address, void *ret, size_t size)
{
	struct iovec local = { ret, size }, remote = { (void *)address, size };
	return process_vm_readv(pid, &local, 1, &remote, 1, 0) == (ssize_t)size;
}

/* Files are read, not mapped: a second mapping of a library would confuse libdw's look at our own /proc/PID/maps. */
static inline void load_image(struct image *image, pid_t pid, const struct mapping *mapping)
{
	bool is_vdso = !strcmp(image->path, "[vdso]");
	struct stat status = { .st_size = (off_t)(mapping->end - mapping->start) };
	int fd = is_vdso ? -1 : open(image->path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		fstat(fd, &status);
	size_t size = (size_t)status.st_size;
	uint8_t *bytes = malloc(size);
	bool loaded = is_vdso ? read_self_or_child(pid, mapping->start, bytes, size)
			      : fd >= 0 && read(fd, bytes, size) == (ssize_t)size;
	if (fd >= 0)
		close(fd);
	if (loaded)
		image->bytes = bytes, image->size = size;
	else
		free(bytes);
}

static inline int image_of(struct maps *maps, const char *path, const struct mapping *mapping)
{
	if (path[0] != '/' && strcmp(path, "[vdso]") != 0)
		return -1;
	for (size_t i = 0; i < maps->image_count; i++) {
		if (!strcmp(maps->images[i].path, path))
			return (int)i;
	}
	struct image *image = &maps->images[maps->image_count];
	snprintf(image->path, sizeof(image->path), "%s", path);
	load_image(image, maps->pid, mapping);
	return (int)maps->image_count++;
}

/* Reads /proc/PID/maps; images already known keep their number. */
static inline void maps_read(struct maps *maps, pid_t pid)
{
	char name[64], line[1024];
	snprintf(name, sizeof(name), "/proc/%d/maps", (int)pid);
	FILE *file = fopen(name, "re");
	maps->count = 0;
	maps->pid = pid;
	while (file && fgets(line, sizeof(line), file) && maps->count < MAPS_MAX) {
		unsigned long start, end, offset;
		char permissions[8], path[512] = "";
		if (sscanf(line, "%lx-%lx %7s %lx %*s %*s %511[^\n]", &start, &end, permissions, &offset, path) < 4)
			continue;
		struct mapping mapping = { start, end, offset, permissions[2] == 'x', -1 };
		mapping.image = image_of(maps, path, &mapping);
		maps->maps[maps->count++] = mapping;
		if (!strcmp(path, "[stack]"))
			maps->stack_end = end;
	}
	if (file)
		fclose(file);
}

/* Gives the files' bytes back. */
static inline void maps_release(struct maps *maps)
{
	for (size_t i = 0; i < maps->image_count; i++)
		free((void *)maps->images[i].bytes);
	memset(maps, 0, sizeof(*maps));
}

static inline uint64_t bias_of(const struct image *image, const struct mapping *mapping)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)image->bytes;
	if (!image->bytes || image->size < sizeof(*header))
		return mapping->start;
	const Elf64_Phdr *segments = (const Elf64_Phdr *)(image->bytes + header->e_phoff);
	for (int i = 0; i < header->e_phnum; i++) {
		uint64_t first = segments[i].p_offset & ~4095ULL;
		if (segments[i].p_type == PT_LOAD && mapping->offset >= first &&
		    mapping->offset < segments[i].p_offset + segments[i].p_filesz)
			return mapping->start - mapping->offset - (segments[i].p_vaddr - segments[i].p_offset);
	}
	return mapping->start;
}

static inline bool maps_find(void *context, uint64_t pc, struct plait_unwind_place *ret)
{
	struct maps *maps = context;
	maps->finds++;
	for (size_t i = 0; i < maps->count; i++) {
		const struct mapping *mapping = &maps->maps[i];
		if (pc < mapping->start || pc >= mapping->end)
			continue;
		if (!mapping->executable)
			return false;
		const struct image *image = mapping->image >= 0 ? &maps->images[mapping->image] : NULL;
		*ret = (struct plait_unwind_place) {
			.module = image ? (uint32_t)mapping->image : UINT32_MAX,
			.bias = image ? bias_of(image, mapping) : 0,
			.image = image ? image->bytes : NULL,
			.image_size = image ? image->size : 0,
			.start = mapping->start,
			.end = mapping->end,
		};
		return true;
	}
	return false;
}

static inline bool maps_memory(void *context, uint64_t address, void *ret, size_t size)
{
	return read_self_or_child(((struct maps *)context)->pid, address, ret, size);
}

/* Copies the stack [sp, end) of `pid`; false when it does not fit. Async-signal-safe. */
static inline bool moment_copy_stack(struct moment *moment, pid_t pid, uint64_t end)
{
	moment->address = moment->registers.value[TEST_SP] - RED_ZONE;
	moment->size = end - moment->address;
	return moment->address < end && moment->size <= STACK_MAX &&
	       read_self_or_child(pid, moment->address, moment->data, moment->size);
}

static inline void moment_from_context(struct moment *moment, const ucontext_t *context)
{
	registers_from_context(&moment->registers, context);
	moment->registers.valid = (1ULL << TEST_REGISTERS) - 1;
}

/* Unwinds a moment with ours. */
static inline void moment_unwind(struct plait_unwinder *unwinder, struct maps *maps, const struct moment *moment,
				 const uint64_t *anchors, size_t anchor_count, struct plait_native_stack *ret)
{
	struct plait_stack_piece piece = { moment->address + RED_ZONE, moment->data + RED_ZONE,
					   moment->size - RED_ZONE };
	struct plait_stack stack = { &piece, 1, true };
	struct plait_unwind_input input = { .registers = &moment->registers,
					    .stack = &stack,
					    .anchors = anchors,
					    .anchor_count = anchor_count,
					    .find = maps_find,
					    .read = maps_memory,
					    .context = maps };
	plait_unwind(unwinder, &input, ret);
}

/* --- libdw --- */

struct oracle_frame {
	uint64_t pc, sp;
	bool exact;
};

struct oracle {
	Dwfl *dwfl;
	pid_t pid;
	const struct moment *moment;
	struct oracle_frame frames[ORACLE_FRAMES_MAX];
	size_t count;
};

static inline pid_t oracle_next_thread(Dwfl *dwfl, void *context, void **ret_argument)
{
	(void)dwfl;
	struct oracle *oracle = context;
	if (*ret_argument)
		return 0;
	*ret_argument = oracle;
	return oracle->pid;
}

static inline bool oracle_read(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *ret, void *context)
{
	(void)dwfl;
	const struct moment *moment = ((struct oracle *)context)->moment;
	if (address < moment->address || address - moment->address + 8 > moment->size)
		return false;
	memcpy(ret, moment->data + (address - moment->address), 8);
	return true;
}

static inline bool oracle_registers(Dwfl_Thread *thread, void *context)
{
	const struct moment *moment = ((struct oracle *)context)->moment;
	dwfl_thread_state_register_pc(thread, moment->registers.value[TEST_PC]);
	return dwfl_thread_state_registers(thread, 0, TEST_ORACLE_REGISTERS, moment->registers.value);
}

static inline int oracle_frame(Dwfl_Frame *state, void *context)
{
	struct oracle *oracle = context;
	struct oracle_frame *frame = &oracle->frames[oracle->count];
	if (oracle->count == ORACLE_FRAMES_MAX || !dwfl_frame_pc(state, &frame->pc, &frame->exact) ||
	    dwfl_frame_reg(state, TEST_SP, &frame->sp))
		return DWARF_CB_ABORT;
	oracle->count++;
	return DWARF_CB_OK;
}

/* Reports the modules of `pid`, whose moments it will unwind. False: libdw refused. */
static inline bool oracle_open(struct oracle *oracle, pid_t pid)
{
	static const Dwfl_Callbacks callbacks = { .find_elf = dwfl_linux_proc_find_elf,
						  .find_debuginfo = dwfl_standard_find_debuginfo };
	static const Dwfl_Thread_Callbacks thread_callbacks = { .next_thread = oracle_next_thread,
								.memory_read = oracle_read,
								.set_initial_registers = oracle_registers };
	oracle->pid = pid;
	oracle->dwfl = dwfl_begin(&callbacks);
	return oracle->dwfl && !dwfl_linux_proc_report(oracle->dwfl, pid) &&
	       !dwfl_report_end(oracle->dwfl, NULL, NULL) &&
	       dwfl_attach_state(oracle->dwfl, NULL, pid, &thread_callbacks, oracle);
}

static inline void oracle_unwind(struct oracle *oracle, const struct moment *moment)
{
	oracle->moment = moment;
	oracle->count = 0;
	dwfl_getthread_frames(oracle->dwfl, oracle->pid, oracle_frame, oracle);
}

static inline void print_stacks(const struct plait_native_stack *ours, const struct oracle *oracle,
				const struct maps *maps)
{
	size_t count = ours->count > oracle->count ? ours->count : oracle->count;
	fprintf(stderr, "end %d\n", ours->end);
	for (size_t i = 0; i < count && i < 60; i++) {
		const struct plait_native_frame *f = i < ours->count ? &ours->frames[i] : NULL;
		const char *path = f && f->module != UINT32_MAX ? maps->images[f->module].path : "?";
		fprintf(stderr, "%2zu  ours pc %#14lx sp %#lx cfa %#lx flags %x %-30s", i, f ? f->pc : 0, f ? f->sp : 0,
			f ? f->cfa : 0, f ? f->flags : 0, f ? path : "-");
		if (i < oracle->count)
			fprintf(stderr, "  libdw pc %#14lx sp %#lx %d", oracle->frames[i].pc, oracle->frames[i].sp,
				oracle->frames[i].exact);
		fputc('\n', stderr);
	}
}

#endif
