/*
 * One unwinding in progress. Private to perf/unwind: walk.c makes single steps by rules, bridge.c gets past what has no
 * rule with the help of anchors, unwinder.c owns the caches and runs the loop.
 */
#ifndef PLAIT_PERF_UNWIND_WALK_H
#define PLAIT_PERF_UNWIND_WALK_H

#include "perf/unwind/evaluator.h"
#include "perf/unwind/file_rules.h"
#include "perf/unwind/rule.h"
#include "perf/unwind/rule_cache.h"
#include "perf/unwind/simple_rule.h"
#include "perf/unwind/unwinder.h"

#define PLAIT_WALK_FRAMES_MAX 4096
#define PLAIT_NO_MODULE UINT32_MAX

/* What lives longer than a walk. */
struct plait_unwinder {
	const struct plait_unwind_arch *arch;
	struct plait_rule_pool pool;
	struct plait_simple_rules simple; /* of the pool's rules that the cache names */
	struct plait_rule_cache cache;
	struct plait_map files; /* module -> struct plait_file_rules * */
	struct plait_evaluators evaluators;
	struct plait_unwind_statistics statistics;
	struct plait_native_frame frames[PLAIT_WALK_FRAMES_MAX];
};

/* The rule for `address` (an ELF virtual address) in the place's file, from the cache or found and remembered;
 * PLAIT_RULE_NONE when there is none. */
uint32_t plait_unwinder_rule(struct plait_unwinder *unwinder, const struct plait_unwind_place *place, uint64_t address);

#define PLAIT_WALK_PLACES 8
#define PLAIT_WALK_SIGHTINGS 4

struct plait_walk {
	struct plait_unwinder *unwinder;
	const struct plait_unwind_input *input;
	struct plait_registers registers; /* of the frame that the next step appends */
	bool exact;			  /* pc is the running instruction, not a return address */
	size_t count;			  /* frames so far, in unwinder->frames */

	/* Answers of input->find, good for this walk only. */
	struct plait_unwind_place places[PLAIT_WALK_PLACES];
	unsigned place_count;
	unsigned latest;		       /* index of the one that was asked for last */
	const struct plait_stack_piece *piece; /* that the last simple rule read from; NULL: the copy is empty */

	/* Of the last step. */
	uint32_t rule;	  /* its id; PLAIT_RULE_NONE: none from a file */
	uint64_t address; /* ELF virtual address that the rule was looked up with */
	uint64_t fault;	  /* the stack address that could not be read; 0: it failed for another reason */

	size_t anchor;	/* index of the innermost anchor that no frame has held yet */
	size_t derived; /* first frame passed by a derived rule since the last confirmed anchor; SIZE_MAX: none */
	size_t doubt;	/* first frame that holds an anchor at the wrong place since then; SIZE_MAX: none */

	/* Evaluators seen in this walk, learned from when it ends well. */
	struct plait_evaluator sightings[PLAIT_WALK_SIGHTINGS];
	unsigned sighting_count;
};

enum plait_step {
	PLAIT_STEP_DONE,   /* a frame was appended, `registers` are its caller's */
	PLAIT_STEP_END,	   /* the outermost frame was appended */
	PLAIT_STEP_FAILED, /* a frame was appended, its caller is not known; `registers` are still its own */
	PLAIT_STEP_FULL,   /* nothing was appended: too many frames */
};

/* Starts a walk at the sample's registers. */
void plait_walk_start(struct plait_walk *walk, struct plait_unwinder *unwinder, const struct plait_unwind_input *input);

/* Appends the frame of `walk->registers` and finds its caller by a rule. */
enum plait_step plait_walk_step(struct plait_walk *walk);

/* The executable mapping of `pc`, or NULL. Valid until PLAIT_WALK_PLACES further calls. */
const struct plait_unwind_place *plait_walk_place(struct plait_walk *walk, uint64_t pc);

/* Does `pc` lie in executable code right behind a call instruction, and if that call's target is known, is that
 * executable too? `*ret` says what the call is. */
bool plait_walk_is_return(struct plait_walk *walk, uint64_t pc, struct plait_call_site *ret);

/* After PLAIT_STEP_DONE: compares the frame with the anchors that it holds. When they show that the walk went astray
 * after a derived rule, it is set right by bridging. */
void plait_walk_check_anchors(struct plait_walk *walk);

/* After PLAIT_STEP_FAILED: goes on at the next anchor, with a GAP behind the last good frame. `*ret_end`: the frames
 * are complete, no step is needed. False: no anchor helps, nothing was changed. */
bool plait_walk_bridge(struct plait_walk *walk, bool *ret_end);

/* After PLAIT_STEP_END: a return address of 0, or an end after a derived rule, is no end when anchors lie ahead or were
 * passed at the wrong place. True: the walk goes on at an anchor. */
bool plait_walk_ended_early(struct plait_walk *walk);

/* Learns from what was seen; for a walk that did not end broken. */
void plait_walk_learn(struct plait_walk *walk);

#endif
