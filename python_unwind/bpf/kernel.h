/*
 * The kernel's types as far as the BPF program touches them. CO-RE moves each access to where the running kernel has
 * the field, so neither vmlinux.h nor the build machine's kernel matters.
 */
#ifndef PLAIT_PYTHON_UNWIND_BPF_KERNEL_H
#define PLAIT_PYTHON_UNWIND_BPF_KERNEL_H

#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "common/sample_wire.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct mm_struct {
	unsigned long start_stack;
};

struct ns_common {
	unsigned int inum;
};

struct pid_namespace {
	struct ns_common ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1]; /* one for each namespace down to the process's own */
};

struct task_struct {
	unsigned int flags;
	unsigned in_execve : 1;
	int tgid;
	struct pid *thread_pid;
	struct mm_struct *mm;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	plait_u64 start_time;
	plait_u64 self_exec_id; /* counts execve() calls, handed down by fork */
	void *stack;
};

#pragma clang attribute pop

/* The program is built once for each kind of event (python_unwind/CMakeLists.txt): the kernel tells the programs of
 * perf events, of tracepoints and of uprobes apart. */
#if defined(PLAIT_FOR_TRACEPOINTS)
#define PLAIT_PROGRAM "tracepoint"
typedef void plait_context;
#elif defined(PLAIT_FOR_PROBES)
#define PLAIT_PROGRAM "kprobe"
typedef void plait_context;
#else
#define PLAIT_PROGRAM "perf_event"
typedef struct bpf_perf_event_data plait_context;
#endif

#define PF_KTHREAD 0x00200000 /* include/linux/sched.h */

#endif
