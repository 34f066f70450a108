/*
 * What finding CPython must know about an architecture: how its code touches thread-locals and branches, and how a
 * function's frame begins. One arch_*.c implements it, the one of the machine that is built for.
 */
#ifndef PLAIT_PYTHON_UNWIND_ARCH_H
#define PLAIT_PYTHON_UNWIND_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/memory.h"

/* e_machine of the files that can be read. */
extern const uint16_t plait_arch_machine;
/* From the thread pointer to struct pthread.specific_1stblock of glibc. */
extern const uint32_t plait_arch_tsd_offset;

/* From the thread pointer to struct pthread.tid of glibc. */
extern const uint32_t plait_arch_tid_offset;

/* The CFA rule at a function's entry: DWARF register and offset. */
extern const uint64_t plait_arch_entry_cfa_register, plait_arch_entry_cfa_offset;

enum plait_access_kind {
	PLAIT_ACCESS_OFFSET = 1, /* thread pointer + offset */
	PLAIT_ACCESS_INDEX,	 /* __tls_get_addr({module, offset} at got) + offset */
	PLAIT_ACCESS_GOT,	 /* thread pointer + word at got + offset */
	PLAIT_ACCESS_DESCRIPTOR, /* thread pointer + what the TLS descriptor at got gives + offset */
};

/* How an instruction sequence reaches a thread-local. */
struct plait_access {
	enum plait_access_kind kind;
	uint64_t got; /* address in the file */
	int64_t offset;
};

/* Decodes a function of the form `return some_thread_local;`: `code` holds the bytes from its entry at `address` on.
 * False when it is none. */
bool plait_arch_decode_access(const uint8_t *code, size_t size, uint64_t address, struct plait_access *ret);

/* Calls `visit` with the target of every direct jump (not call) in `code`, which lies at `address`. False when the
 * decoder could not be set up or `visit` returned false (which ends the iteration). */
bool plait_arch_visit_jumps(const uint8_t *code, size_t size, uint64_t address,
			    bool (*visit)(void *context, uint64_t target), void *context);

/* Relocations of thread-local storage, by what they put into the word (pair for TLS_DESCRIPTOR) that they name. */
enum plait_arch_relocation {
	PLAIT_RELOCATION_OTHER = 0,
	PLAIT_RELOCATION_TLS_MODULE,	 /* the id of the symbol's module */
	PLAIT_RELOCATION_TLS_OFFSET,	 /* the symbol's offset in its module's block */
	PLAIT_RELOCATION_TLS_POINTER,	 /* the symbol's offset from the thread pointer */
	PLAIT_RELOCATION_TLS_DESCRIPTOR, /* a descriptor of the symbol */
};
enum plait_arch_relocation plait_arch_relocation(uint32_t type);

/* Where the program's own block of thread-locals starts, from the thread pointer. `size`, `align`: of PT_TLS. */
int64_t plait_arch_program_tls(uint64_t size, uint64_t align);

/* Whether `thread_id`, a PyThreadState's, is that of a live thread as far as memory tells: pthread_self() is the
 * address of a block that holds its own address. */
bool plait_arch_thread_lives(const struct plait_memory *memory, uint64_t thread_id);

#endif
