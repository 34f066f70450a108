/*
 * Stacks as text, for the tests of the merge. Everything is innermost first, separated by spaces.
 *
 * Native: one word a frame. What follows the name: `!` known evaluator code, `~` a gap lies outer to it, `?` cfa
 * unknown,
 * `+` its caller was found by a derived rule, `*` another module. `_` is no frame, but a piece of stack as large as
 * one. Every frame has STEP bytes of stack.
 *
 * Python: `f` a frame; `f@E` a frame whose anchor lies in native frame E; `|E` an entry frame whose anchor does. After
 * the name of a native frame, `^n` goes n pieces of stack outwards. `@-`: an anchor below all native frames, `@.`:
 * none.
 *
 * Merged: the names, and [gap], [truncated], [unmerged].
 */
#ifndef PLAIT_TESTS_UNIT_MERGE_TEXT_H
#define PLAIT_TESTS_UNIT_MERGE_TEXT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "python_unwind/merge.h"

#define BASE 0x7ffe00001000ULL
#define STEP 0x100
#define MOST 64

struct text_stack {
	char native_name[MOST][32], python_name[MOST][32];
	struct plait_native_frame natives[MOST];
	struct plait_python_frame pythons[MOST];
	struct plait_native_stack native;
	struct plait_python_chain python;
};

static inline void read_native(struct text_stack *stack, const char *text)
{
	char copy[512], *rest = copy, *word;
	uint64_t sp = BASE;

	snprintf(copy, sizeof(copy), "%s", text);
	while ((word = strtok_r(rest, " ", &rest))) {
		if (strcmp(word, "_") == 0) {
			sp += STEP;
			continue;
		}
		size_t i = stack->native.count++, length = strcspn(word, "!~?+*");
		struct plait_native_frame *frame = &stack->natives[i];
		snprintf(stack->native_name[i], sizeof(stack->native_name[i]), "%.*s", (int)length, word);
		*frame = (struct plait_native_frame) { .pc = 0x400000 + 16 * i, .sp = sp, .cfa = sp + STEP };
		for (const char *mark = word + length; *mark; mark++) {
			frame->flags |= *mark == '!' ? PLAIT_NATIVE_EVALUATOR : 0;
			frame->flags |= *mark == '~' ? PLAIT_NATIVE_GAP : 0;
			frame->flags |= *mark == '+' ? PLAIT_NATIVE_DERIVED : 0;
			frame->module += *mark == '*';
			frame->cfa = *mark == '?' ? 0 : frame->cfa;
		}
		sp += STEP;
	}
	stack->native.frames = stack->natives;
}

static inline uint64_t read_anchor(const struct text_stack *stack, const char *text)
{
	size_t length = strcspn(text, "^");

	if (text[0] == '-')
		return BASE - 8;
	if (text[0] == '.')
		return 0;
	for (size_t i = 0; i < stack->native.count; i++)
		if (strlen(stack->native_name[i]) == length && strncmp(stack->native_name[i], text, length) == 0)
			return stack->natives[i].sp + STEP / 2 +
			       (text[length] ? STEP * strtoul(text + length + 1, NULL, 10) : 0);
	fprintf(stderr, "no native frame for anchor '%s'\n", text);
	abort();
}

static inline void read_python(struct text_stack *stack, const char *text)
{
	char copy[512], *rest = copy, *word;

	snprintf(copy, sizeof(copy), "%s", text);
	while ((word = strtok_r(rest, " ", &rest))) {
		size_t i = stack->python.count++, length = strcspn(word, "@|");
		struct plait_python_frame *frame = &stack->pythons[i];
		*frame = (struct plait_python_frame) { .address = 0x10000 + i, .code = 0x20000 + i };
		snprintf(stack->python_name[i], sizeof(stack->python_name[i]), "%.*s", (int)length, word);
		if (word[length])
			frame->anchor = read_anchor(stack, word + length + 1);
		if (word[0] == '|')
			frame->kind = PLAIT_PYTHON_ENTRY;
	}
	stack->python.frames = stack->pythons;
}

static inline void write_merged(const struct text_stack *stack, const struct plait_hybrid_stack *merged, char *ret,
				size_t size)
{
	static const char *const markers[] = { [PLAIT_HYBRID_GAP] = "[gap]",
					       [PLAIT_HYBRID_TRUNCATED] = "[truncated]",
					       [PLAIT_HYBRID_UNMERGED] = "[unmerged]" };
	size_t used = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < merged->count; i++) {
		const struct plait_hybrid_frame *frame = &merged->frames[i];
		const char *word = frame->kind == PLAIT_HYBRID_NATIVE	? stack->native_name[frame->index]
				   : frame->kind == PLAIT_HYBRID_PYTHON ? stack->python_name[frame->index]
									: markers[frame->kind];
		used += (size_t)snprintf(ret + used, size - used, "%s%s", i ? " " : "", word);
	}
}

/* The quality as letters: D derived, G gap, T truncated, U unmerged. */
static inline const char *quality_letters(uint32_t quality, char ret[8])
{
	snprintf(ret, 8, "%s%s%s%s%s", quality & PLAIT_QUALITY_DERIVED ? "D" : "",
		 quality & PLAIT_QUALITY_GAP ? "G" : "", quality & PLAIT_QUALITY_TRUNCATED ? "T" : "",
		 quality & PLAIT_QUALITY_UNMERGED ? "U" : "",
		 quality & (PLAIT_QUALITY_CHECKED | PLAIT_QUALITY_UNRESOLVED) ? "?" : "");
	return ret;
}

#endif
