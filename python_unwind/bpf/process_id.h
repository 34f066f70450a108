/*
 * Process ids as the recorder's pid namespace has them: the same that perf puts into its own records.
 */
#ifndef PLAIT_PYTHON_UNWIND_BPF_PROCESS_ID_H
#define PLAIT_PYTHON_UNWIND_BPF_PROCESS_ID_H

#include "python_unwind/bpf/kernel.h"

#define NAMESPACES_MAX 4 /* nested pid namespaces that are looked through */

/* Inode number of the recorder's pid namespace; 0: the initial one. Set by the loader. */
const volatile plait_u32 pid_namespace = 0;

/* The thread's id as the recorder's pid namespace sees it, as perf's own records say it; 0: it does not. */
static inline plait_u32 id_in_namespace(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	plait_u32 level = BPF_CORE_READ(pid, level);
	char *numbers = (char *)pid + bpf_core_field_offset(struct pid, numbers);
	for (plait_u32 i = 0; i < NAMESPACES_MAX && i <= level; i++) {
		struct upid *number = (struct upid *)(numbers + i * bpf_core_type_size(struct upid));
		if (BPF_CORE_READ(number, ns, ns.inum) == pid_namespace)
			return BPF_CORE_READ(number, nr);
	}
	return 0;
}

/* The id of `pid` in its own namespace: what the thread calls itself. */
static inline plait_u32 own_id(struct pid *pid)
{
	plait_u32 level = BPF_CORE_READ(pid, level);
	char *numbers = (char *)pid + bpf_core_field_offset(struct pid, numbers);
	return BPF_CORE_READ((struct upid *)(numbers + level * bpf_core_type_size(struct upid)), nr);
}

static inline plait_u32 process_id(struct task_struct *task)
{
	if (pid_namespace)
		return id_in_namespace(BPF_CORE_READ(task, group_leader));
	return BPF_CORE_READ(task, tgid);
}

#endif
