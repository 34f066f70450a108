/*
 * What the walk over one process's Python frames must know: addresses, offsets, and the shape of the frame chain. One
 * struct for the BPF program (as a map value), for the out-of-process reader, and later for the agent. It knows no
 * version: python_unwind/runtime.c fills it in. Shared with the BPF program: only fixed-width types.
 */
#ifndef PLAIT_PYTHON_UNWIND_WALK_PLAN_H
#define PLAIT_PYTHON_UNWIND_WALK_PLAN_H

#include "common/sample_wire.h"

/* How frames hang together. */
enum plait_walk_shape {
	PLAIT_SHAPE_FRAME_OBJECT = 1,	 /* 3.8, 3.9: tstate->frame, f_back; no anchors */
	PLAIT_SHAPE_FRAME_OBJECT_CFRAME, /* 3.10: the same; anchors are the CFrames of tstate->cframe, one a frame */
	PLAIT_SHAPE_CFRAME, /* 3.11: tstate->cframe->current_frame; is_entry ends an activation, whose anchor is its
			       CFrame */
	PLAIT_SHAPE_CFRAME_SHIM,   /* 3.12: the same, but a shim frame (owner >= 3) ends an activation and is the anchor
				    */
	PLAIT_SHAPE_CURRENT_FRAME, /* 3.13+: tstate->current_frame; shim frames as in 3.12 */
};

/* Where a thread-local pointer of the runtime is. */
enum plait_tls_kind {
	PLAIT_TLS_NONE = 0,
	PLAIT_TLS_STATIC,  /* at tp + offset (executables, libraries in the static TLS block) */
	PLAIT_TLS_DYNAMIC, /* at *(*(tp + dtv_offset) + 16 * *(u64 *)module_address) + offset (glibc's dtv) */
	PLAIT_TLS_GOT,	   /* at tp + *(s64 *)module_address + offset (initial-exec code in a library) */
	/* By the TLS descriptor {function, argument} at module_address: with p = (s64)argument, at tp + p + offset when
	 * p < tls_static_limit (the module is in the static TLS block), else as DYNAMIC with the two words
	 * {module, offset} that p points to: at *(*(tp + dtv_offset) + 16 * module) + their offset + this offset. */
	PLAIT_TLS_DESCRIPTOR,
};

struct plait_tls_variable {
	plait_u32 kind; /* enum plait_tls_kind */
	plait_s32 offset;
	plait_u64 module_address; /* process address of the GOT word that holds the module id (DYNAMIC), the offset
				   * (GOT), or of the descriptor */
};

#define PLAIT_NO_OFFSET 0xffff	   /* a field that this version has not */
#define PLAIT_NO_FRAME_OFFSET 0xff /* the same, of a frame */

struct plait_walk_plan {
	plait_u64 runtime;     /* process address of _PyRuntime */
	plait_u64 start_stack; /* mm->start_stack of the process image that this plan is for */
	plait_u32 version;     /* PY_VERSION_HEX */
	plait_u32 shape;       /* enum plait_walk_shape */
	plait_u32 free_threaded;

	/* How glibc lays a thread out (python_unwind/arch/arch.h). pthread_self() is tp - thread_block. */
	plait_u32 thread_block; /* 0 on x86-64, sizeof(struct pthread) on aarch64 */
	plait_u32 dtv_offset;	/* from tp */
	plait_u32 tls_static_limit;
	plait_u32 tsd_offset; /* of specific_1stblock from pthread_self() */
	plait_u32 tid_offset; /* of tid from pthread_self() */

	/* Where the kernel may hand out a thread pointer from before the exec: offset in _PyRuntime of main_thread, the
	 * pthread_self() of the thread that initialised it; 0: not needed. */
	plait_u32 runtime_main_thread;

	/* Thread state of the running thread. Tried in this order; each candidate must have thread_id ==
	 * pthread_self(). */
	struct plait_tls_variable tls_current;	/* 3.12+: _Py_tss_tstate, NULL while detached */
	struct plait_tls_variable tls_gilstate; /* 3.15: _Py_tss_gilstate */
	plait_u32 runtime_tstate_current;	/* offset in _PyRuntime of gilstate.tstate_current (<= 3.11); 0: none */
	plait_u32 runtime_autotsskey; /* offset in _PyRuntime of autoTSSkey {int initialized; u32 key}; 0: none */

	/* The lists of interpreters and of their thread states, in which a thread's further states are looked for when
	 * the process has sub-interpreters. runtime_interpreters_head 0: they are not looked for. */
	plait_u32 runtime_interpreters_head; /* offset in _PyRuntime of interpreters.head; interpreters.main follows */
	plait_u16 interp_next, interp_threads_head, tstate_next;

	/* PyThreadState */
	plait_u16 tstate_interp, tstate_thread_id, tstate_frame; /* frame: frame, cframe or current_frame, by shape */
	plait_u16 tstate_root_cframe,
		tstate_base_frame; /* PLAIT_NO_OFFSET where absent; base_frame: a pointer (3.15) */
	plait_u16 tstate_cframe;   /* 3.10 only: cframe pointer */

	/* CFrame (3.10 to 3.12) */
	plait_u16 cframe_current_frame, cframe_previous;

	/* _PyInterpreterFrame or PyFrameObject. A verifier of BPF knows what a byte is at most. */
	plait_u8 frame_size; /* bytes to read of a frame: all fields below lie in them; <= 128 */
	plait_u8 frame_code, frame_previous, frame_instr; /* instr: prev_instr, instr_ptr, or f_lasti (an int) */
	plait_u8 frame_owner, frame_is_entry, frame_tlbc_index;
	plait_u8 pad_frame;
	plait_u16 instr_is_lasti; /* 1: frame_instr is a 32 bit f_lasti; times lasti_unit gives bytes */
	plait_u16 lasti_unit;	  /* 1, or 2 in 3.10 */
	plait_u64 code_mask;	  /* AND on the code pointer: removes tag bits (3.14+), all ones before */

	/* PyCodeObject */
	plait_u16 code_size; /* bytes to read of a code object's header, <= 256 */
	plait_u16 code_first_line, code_filename, code_name, code_qualname, code_linetable;
	plait_u16 code_adaptive; /* offset of the bytecode inside the object (3.11+); PLAIT_NO_OFFSET before */
	plait_u16 code_version;	 /* co_version (3.12+): the fingerprint; before: a mix of pointers */
	plait_u16 code_tlbc;	 /* co_tlbc (3.14+ free-threaded) */

	/* str and bytes objects */
	plait_u16 unicode_length, unicode_state, unicode_ascii_data, unicode_compact_data;
	plait_u16 unicode_kind_shift, unicode_compact_shift, unicode_ascii_shift; /* bits in state */
	plait_u16 bytes_size, bytes_data;
	plait_u16 pad[2];
};

#endif
