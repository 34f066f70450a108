/* links: plait_perf */
/*
 * Unwinding with a hostile ELF file: the input is the file's bytes, mapped at a fixed address, with a stack full of
 * addresses into it. Tables, symbols, section headers and code are all the input's.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "perf/unwind/arch.h"
#include "perf/unwind/unwinder.h"

#define BIAS 0x7f0000000000ULL
#define MAPPED 0x100000
#define STACK 0x7ffff0000000ULL
#define WORDS 512

struct file {
	const uint8_t *bytes;
	size_t size;
};

static bool find(void *context, uint64_t pc, struct plait_unwind_place *ret)
{
	const struct file *file = context;
	if (pc < BIAS || pc >= BIAS + MAPPED)
		return false;
	*ret = (struct plait_unwind_place) { .module = 1,
					     .bias = BIAS,
					     .image = file->bytes,
					     .image_size = file->size,
					     .start = BIAS,
					     .end = BIAS + MAPPED };
	return true;
}

static bool no_memory(void *context, uint64_t address, void *ret, size_t size)
{
	(void)context, (void)address, (void)ret, (void)size;
	return false;
}

/* Where to look: the entry point, then all over the file, so that every table entry has a chance. */
static uint64_t pick_pc(const struct file *file, unsigned i)
{
	Elf64_Ehdr header;
	if (!i && file->size >= sizeof(header)) {
		memcpy(&header, file->bytes, sizeof(header));
		return BIAS + header.e_entry % MAPPED;
	}
	return BIAS + (i < 32 ? 0x1000 + i * 8 : i * 0x333 % MAPPED);
}

/* Unwinds from 64 places in the file. */
static void unwind_all(const struct file *file)
{
	struct plait_unwinder *unwinder;
	uint64_t words[WORDS], anchors[2] = { STACK + 0x100, STACK + 0x400 };
	if (plait_unwinder_create(&unwinder))
		return;
	for (size_t i = 0; i < WORDS; i++)
		words[i] = i % 3 ? pick_pc(file, (unsigned)i % 64) : STACK + i * 8 % sizeof(words);
	struct plait_stack_piece piece = { STACK, (const uint8_t *)words, sizeof(words) };
	struct plait_stack stack = { &piece, 1, true };
	for (unsigned i = 0; i < 64; i++) {
		const struct plait_unwind_arch *arch = plait_unwind_arch_native();
		struct plait_registers registers = { .valid = (2ULL << arch->pc) - 1 };
		for (size_t j = 0; j < arch->register_count; j++)
			registers.value[j] = STACK + 64 + j * 8;
		registers.value[arch->sp] = STACK;
		registers.value[arch->pc] = pick_pc(file, i);
		struct plait_unwind_input input = { .registers = &registers,
						    .stack = &stack,
						    .anchors = anchors,
						    .anchor_count = 2,
						    .find = find,
						    .read = no_memory,
						    .context = (void *)file };
		struct plait_native_stack native;
		plait_unwind(unwinder, &input, &native);
		for (size_t j = 1; j < native.count; j++) {
			if (native.frames[j - 1].cfa && native.frames[j].sp != native.frames[j - 1].cfa &&
			    !(native.frames[j].flags & PLAIT_NATIVE_EXACT_PC))
				abort();
		}
	}
	plait_unwinder_destroy(unwinder);
}

/* The bytes end where a page without access begins: libdw is not instrumented, this catches its reads past the end. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t whole = (size + 8191) & ~4095ULL;
	uint8_t *pages = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		return 0;
	struct file file = { pages + (whole - 4096 - size), size };
	memcpy(pages + (whole - 4096 - size), data, size);
	mprotect(pages + whole - 4096, 4096, PROT_NONE);
	mprotect(pages, whole - 4096, PROT_READ);
	unwind_all(&file);
	munmap(pages, whole);
	return 0;
}
