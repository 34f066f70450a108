#include "python_unwind/evaluator.h"

#include "python_unwind/arch/arch.h"
#include "python_unwind/binary_fde.h"

enum { MOST_CODE = 1 << 20 }; /* bytes of one range that are looked through; the largest measured evaluator has 92 KB */

static bool covers(const struct plait_evaluator *evaluator, uint64_t address)
{
	for (size_t i = 0; i < evaluator->count; i++) {
		if (address >= evaluator->ranges[i].start && address < evaluator->ranges[i].end)
			return true;
	}
	return false;
}

void plait_evaluator_add(struct plait_evaluator *evaluator, uint64_t start, uint64_t end)
{
	if (start < end && evaluator->count < PLAIT_EVALUATOR_MOST && !covers(evaluator, start))
		evaluator->ranges[evaluator->count++] = (struct plait_python_range) { start, end };
}

struct search {
	struct plait_evaluator *evaluator;
	const struct plait_elf *elf;
	struct plait_fde last; /* not a fragment: cold code jumps to the same few places over and over */
};

static bool visit_jump(void *context, uint64_t target)
{
	struct search *search = context;
	struct plait_fde fde;
	if (covers(search->evaluator, target) || (target >= search->last.start && target < search->last.end) ||
	    !plait_fde_find(search->elf, target, &fde))
		return true;
	if (fde.fragment)
		plait_evaluator_add(search->evaluator, fde.start, fde.end);
	else
		search->last = fde;
	return search->evaluator->count < PLAIT_EVALUATOR_MOST;
}

void plait_evaluator_add_fragments(struct plait_evaluator *evaluator, const struct plait_elf *elf)
{
	struct search search = { .evaluator = evaluator, .elf = elf };
	const struct plait_python_arch *arch = plait_python_arch_of(elf->header.e_machine);
	for (size_t i = 0; arch && i < evaluator->count; i++) { /* grows meanwhile: fragments are looked through too */
		struct plait_python_range range = evaluator->ranges[i];
		struct plait_bytes code = plait_elf_at(elf, range.start);
		size_t size = plait_bytes_left(&code);
		if (size > range.end - range.start)
			size = range.end - range.start;
		if (size > MOST_CODE)
			size = MOST_CODE;
		if (!size || !arch->visit_jumps(code.at, size, range.start, visit_jump, &search))
			continue;
	}
}
