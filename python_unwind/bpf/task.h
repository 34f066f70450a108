/*
 * What the program must know of the running task.
 *
 * Since Linux 5.11 (commit 3ca1032ab7ab) the verifier lets a program read the running task's fields where they lie.
 * Before, each of them takes a call that copies it.
 */
#ifndef PLAIT_PYTHON_UNWIND_BPF_TASK_H
#define PLAIT_PYTHON_UNWIND_BPF_TASK_H

#include "python_unwind/bpf/arch.h"
#include "python_unwind/bpf/process_id.h"

struct task_facts {
	plait_u64 start_time, exec_id; /* of the process */
	bool has_user_space;	       /* it is no kernel thread */
	bool in_exec;		       /* in the middle of execve() */
	plait_u64 start_stack;
	plait_u64 tp;	  /* thread pointer */
	plait_u32 own_id; /* of a first thread whose thread pointer may be stale, its id in its own pid namespace; else
			     0 */
};

/* The running task's id in its own pid namespace, which is not the initial one. */
static inline plait_u32 nested_id(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	return own_id(BPF_CORE_READ(task, thread_pid));
}

/* Defines <name>(task, ret), which reads with read(pointer, field...) and read_bit(pointer, field). */
#define DEFINE_TASK_LOOK(name, read, read_bit)                                                                         \
	static inline void name(struct task_struct *task, bool is_first, struct task_facts *ret)                       \
	{                                                                                                              \
		ret->start_time = read(task, group_leader, start_time);                                                \
		ret->exec_id = read(task, group_leader, self_exec_id);                                                 \
		ret->has_user_space = read(task, mm) && !(read(task, flags) & PF_KTHREAD);                             \
		ret->in_exec = bpf_core_field_exists(task->in_execve) && read_bit(task, in_execve);                    \
		ret->start_stack = read(task, mm, start_stack);                                                        \
		ret->tp = ARCH_THREAD_POINTER(read, task);                                                             \
		ret->own_id = 0;                                                                                       \
		if (ARCH_STALE_THREAD_POINTER && is_first)                                                             \
			ret->own_id =                                                                                  \
				read(task, thread_pid, level) ? nested_id() : read(task, thread_pid, numbers[0].nr);   \
	}

#define READ_WHERE_IT_LIES_1(pointer, field) ((pointer)->field)
#define READ_WHERE_IT_LIES_2(pointer, field, next) ((pointer)->field->next)
#define READ_WHERE_IT_LIES_OF(a, b, name, ...) name
#define READ_WHERE_IT_LIES(pointer, ...)                                                                               \
	READ_WHERE_IT_LIES_OF(__VA_ARGS__, READ_WHERE_IT_LIES_2, READ_WHERE_IT_LIES_1, )(pointer, __VA_ARGS__)

DEFINE_TASK_LOOK(task_look, READ_WHERE_IT_LIES, BPF_CORE_READ_BITFIELD)
DEFINE_TASK_LOOK(task_copy, BPF_CORE_READ, BPF_CORE_READ_BITFIELD_PROBED)

/* `is_first`: it is the process's first thread. */
static inline void task_facts(bool is_first, struct task_facts *ret)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf))
		task_look(bpf_get_current_task_btf(), is_first, ret);
	else
		task_copy((struct task_struct *)bpf_get_current_task(), is_first, ret);
}

#endif
