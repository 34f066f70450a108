/*
 * What finding CPython must know about an architecture: how its code touches thread-locals and branches, how a
 * function's frame begins, and where the C library keeps a thread's data. One table each, in arch_<name>.c, chosen by
 * the file's e_machine.
 */
#ifndef PLAIT_PYTHON_UNWIND_ARCH_H
#define PLAIT_PYTHON_UNWIND_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/memory.h"

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

/* Relocations of thread-local storage, by what they put into the word (pair for TLS_DESCRIPTOR) that they name. */
enum plait_arch_relocation {
	PLAIT_RELOCATION_OTHER = 0,
	PLAIT_RELOCATION_TLS_MODULE,	 /* the id of the symbol's module */
	PLAIT_RELOCATION_TLS_OFFSET,	 /* the symbol's offset in its module's block */
	PLAIT_RELOCATION_TLS_POINTER,	 /* the symbol's offset from the thread pointer */
	PLAIT_RELOCATION_TLS_DESCRIPTOR, /* a descriptor of the symbol */
};

struct plait_python_arch {
	uint16_t machine; /* EM_* */

	/* struct pthread of glibc (nptl/descr.h), which pthread_self() is the address of. With `tp_behind_block` the
	 * thread pointer is at its end, whose distance differs between releases (plait_thread_block_size()); else at
	 * its start. */
	bool tp_behind_block;
	uint32_t tsd_offset; /* of specific_1stblock */
	uint32_t tid_offset; /* of tid */

	uint32_t dtv_offset; /* from the thread pointer to the pointer to the dtv */
	/* An argument of a TLS descriptor below this, as a signed number, is an offset from the thread pointer. */
	uint32_t tls_static_limit;

	/* The CFA rule at a function's entry: DWARF register and offset. */
	uint64_t entry_cfa_register, entry_cfa_offset;

	/* Decodes a function of the form `return some_thread_local;`: `code` holds the bytes from its entry at
	 * `address` on. False when it is none. */
	bool (*decode_access)(const uint8_t *code, size_t size, uint64_t address, struct plait_access *ret);

	/* Calls `visit` with the target of every direct jump (not call) in `code`, which lies at `address`. False when
	 * the decoder could not be set up or `visit` returned false (which ends the iteration). */
	bool (*visit_jumps)(const uint8_t *code, size_t size, uint64_t address,
			    bool (*visit)(void *context, uint64_t target), void *context);

	enum plait_arch_relocation (*relocation)(uint32_t type);

	/* Where the program's own block of thread-locals starts, from the thread pointer. `size`, `align`: of PT_TLS.
	 */
	int64_t (*program_tls)(uint64_t size, uint64_t align);

	/* Whether `thread_id`, a PyThreadState's, is pthread_self() of a live thread as far as memory tells. */
	bool (*thread_lives)(const struct plait_memory *memory, uint64_t thread_id);
};

extern const struct plait_python_arch plait_python_arch_x86_64, plait_python_arch_aarch64;

/* The one of an ELF machine, NULL for others. */
const struct plait_python_arch *plait_python_arch_of(uint16_t machine);

/* The one that this program was built for: that of the processes that it profiles. */
const struct plait_python_arch *plait_python_arch_native(void);

#endif
