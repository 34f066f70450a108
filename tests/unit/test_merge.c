/* links: plait_python_unwind */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "merge_text.h"

struct scenario {
	const char *title, *native, *python;
	const char *merged, *quality; /* expected */
	enum plait_unwind_end end;
	enum plait_walk_status status;
	bool per_frame;
};

static void check(const struct scenario *scenario)
{
	struct text_stack stack = { 0 };
	struct plait_hybrid_stack merged = { 0 };
	char text[2048], letters[8];

	read_native(&stack, scenario->native);
	read_python(&stack, scenario->python);
	stack.native.end = scenario->end;
	stack.python.status = scenario->status;
	stack.python.per_frame = scenario->per_frame;
	assert_null(plait_merge(&stack.native, &stack.python, &merged));
	write_merged(&stack, &merged, text, sizeof(text));
	quality_letters(merged.quality, letters);
	if (strcmp(text, scenario->merged) != 0 || strcmp(letters, scenario->quality) != 0)
		fail_msg("%s:\n  expected: %s (%s)\n  merged:   %s (%s)", scenario->title, scenario->merged,
			 scenario->quality, text, letters);
	plait_hybrid_stack_release(&merged);
	assert_null(merged.frames);
}

#define CHECK_ALL(scenarios)                                                                                           \
	for (size_t i_ = 0; i_ < sizeof(scenarios) / sizeof((scenarios)[0]); i_++)                                     \
	check(&(scenarios)[i_])

#define COMPLETE .end = PLAIT_UNWIND_COMPLETE, .status = PLAIT_WALK_COMPLETE
#define PER_FRAME COMPLETE, .per_frame = true

/* The groups that each version makes of the same programs (docs/hybrid-unwinding.md, "What an activation holds"). */
static void every_version_groups_its_own_way(void **state)
{
	static const struct scenario scenarios[] = {
		{ "3.8: each frame alone", "getppid py call E2! vectorcall E1! vectorcall E0! run main",
		  "leaf caller module", "getppid py call leaf vectorcall caller vectorcall module run main", "",
		  PER_FRAME },
		{ "3.10: each frame alone, with its CFrame", "getppid py E2 vectorcall E1 vectorcall E0 run main",
		  "leaf@E2 caller@E1 module@E0", "getppid py leaf vectorcall caller vectorcall module run main", "",
		  PER_FRAME },
		{ "3.11: Python to Python calls and a comprehension are one activation", "getppid py E0 run main",
		  "leaf listcomp caller module@E0", "getppid py leaf listcomp caller module run main", "", COMPLETE },
		{ "3.12: the same, without the comprehension", "getppid py E0 run main", "leaf caller module |E0",
		  "getppid py leaf caller module run main", "", COMPLETE },
		{ "3.11: sorted(key)", "getppid py E1 vectorcall sorted E0 run main", "leaf key@E1 caller module@E0",
		  "getppid py leaf key vectorcall sorted caller module run main", "", COMPLETE },
		{ "3.12: sorted(key)", "getppid py E1 vectorcall sorted E0 run main", "leaf key |E1 caller module |E0",
		  "getppid py leaf key vectorcall sorted caller module run main", "", COMPLETE },
		{ "3.11: a generator in a for loop", "getppid py E1 send iternext E0 run main", "g@E1 caller module@E0",
		  "getppid py g send iternext caller module run main", "", COMPLETE },
		{ "3.12: the same warmed up", "getppid py E0 run main", "g caller module |E0",
		  "getppid py g caller module run main", "", COMPLETE },
		{ "3.11: yield from", "getppid E2 send E1 send E0 main", "g@E2 h@E1 caller@E0",
		  "getppid g send h send caller main", "", COMPLETE },
		{ "3.13: __init__ (the clean-up frame is not in the chain)", "getppid py E0 run main",
		  "__init__ caller |E0", "getppid py __init__ caller run main", "", COMPLETE },
		{ "3.8: __init__", "getppid py E1! slot_tp_init type_call E0! run main", "__init__ caller",
		  "getppid py __init__ slot_tp_init type_call caller run main", "", PER_FRAME },
		{ "3.14: thread start", "getppid py E1 context_run E0 thread_run start_thread clone",
		  "run |E1 _bootstrap_inner _bootstrap |E0",
		  "getppid py run context_run _bootstrap_inner _bootstrap thread_run start_thread clone", "",
		  COMPLETE },
		{ "3.14: a context manager's __enter__", "getppid py E2 gen_send next E1 enter E0 main",
		  "cm |E2 __enter__ |E1 with |E0", "getppid py cm gen_send next __enter__ enter with main", "",
		  COMPLETE },
		{ "a ctypes callback between foreign frames", "cb_c E1 closure ffi qsort ffi_call ctypes E0 main",
		  "compare |E1 sort module |E0", "cb_c compare closure ffi qsort ffi_call ctypes sort module main", "",
		  COMPLETE },
		{ "__del__ runs in an activation without Python frames", "getppid E1 dealloc E0 main",
		  "__del__ |E1 |E0", "getppid __del__ dealloc E0 main", "", COMPLETE },
		{ "import", "E2 exec import_mod E1 call import_mod E0 main", "inner@E2 bootstrap outer@E1 module@E0",
		  "inner exec import_mod bootstrap outer call import_mod module main", "", COMPLETE },
	};
	(void)state;
	CHECK_ALL(scenarios);
}

static void the_innermost_activation_may_be_unpaired(void **state)
{
	static const struct scenario scenarios[] = {
		{ "3.12: before the shim is published", "E1 vectorcall map E0 main", "caller module |E0",
		  "E1 vectorcall map caller module main", "", COMPLETE },
		{ "with known evaluator code too", "E1! vectorcall map E0! main", "caller module |E0",
		  "E1 vectorcall map caller module main", "", COMPLETE },
		{ "published without a frame", "E1 vectorcall map E0 main", "|E1 caller module |E0",
		  "E1 vectorcall map caller module main", "", COMPLETE },
		{ "3.8: prologue", "E1! vectorcall map E0! main", "caller", "E1 vectorcall map caller main", "",
		  PER_FRAME },
		{ "3.8: epilogue, deeper", "errors occurred check E1! vectorcall map E0! main", "caller",
		  "errors occurred check E1 vectorcall map caller main", "", PER_FRAME },
		{ "3.8: epilogue", "check_result E1! vectorcall map E0! main", "caller",
		  "check_result E1 vectorcall map caller main", "", PER_FRAME },
		{ "3.10: neither CFrame nor frame", "E1! vectorcall E0! main", "caller@E0", "E1 vectorcall caller main",
		  "", PER_FRAME },
		{ "3.10: the frame is still there, its CFrame no longer", "E1! vectorcall E0! main", "leaf caller@E0",
		  "leaf vectorcall caller main", "", PER_FRAME },
		{ "3.10: the same, evaluator code not known", "E1 vectorcall E0 main", "leaf caller@E0",
		  "E1 vectorcall [unmerged] leaf caller main", "U", PER_FRAME },
		{ "3.10: which one is not known", "E2! x E1! vectorcall E0! main", "leaf caller@E0",
		  "E2 x E1 [unmerged] vectorcall [unmerged] leaf caller main", "U", PER_FRAME },
		{ "3.10: a CFrame without a frame", "E1! vectorcall E0! main", "|E1 caller@E0",
		  "E1 vectorcall caller main", "", PER_FRAME },
		{ "3.10: the only frame has lost its CFrame", "E0! run main", "module", "module run main", "",
		  PER_FRAME },
		{ "3.10: a callee of the unpaired activation", "check E1! vectorcall E0! main", "leaf caller@E0",
		  "check leaf vectorcall caller main", "", PER_FRAME },
		{ "no Python frame at all yet", "E0! run main", "", "E0 run main", "", COMPLETE },
		{ "none yet, 3.8", "E0! run main", "", "E0 run main", "", PER_FRAME },
	};
	(void)state;
	CHECK_ALL(scenarios);
}

/* 3.14+ with clang: per activation the evaluator proper, which holds the shim, and one opcode handler inside it. */
static void handlers_of_tail_call_builds_are_folded(void **state)
{
	static const struct scenario scenarios[] = {
		{ "known", "getppid H1! E1! sorted H0! E0! main", "key |E1 caller |E0",
		  "getppid key sorted caller main", "", COMPLETE },
		{ "a handler is the leaf", "H0! E0! main", "f |E0", "f main", "", COMPLETE },
		{ "the evaluator proper is the leaf", "E1! sorted H0! E0! main", "key |E1 caller |E0",
		  "key sorted caller main", "", COMPLETE },
		{ "not known: stays", "getppid H0 E0 main", "f |E0", "getppid H0 f main", "", COMPLETE },
		{ "only the proper one is known: stays", "getppid H0 E0! main", "f |E0", "getppid H0 f main", "",
		  COMPLETE },
		{ "of another module: stays", "getppid H0!* E0! main", "f |E0", "getppid H0 f main", "", COMPLETE },
		{ "with a gap between: stays", "getppid H0!~ _ E0! main", "f |E0", "getppid H0 [gap] f main", "G",
		  COMPLETE },
		{ "no Python frame: both stay", "getppid H1! E1! sorted H0! E0! main", "|E1 caller |E0",
		  "getppid H1 E1 sorted caller main", "", COMPLETE },
		{ "innermost unpaired: both stay", "H1! E1! sorted H0! E0! main", "caller |E0",
		  "H1 E1 sorted caller main", "", COMPLETE },
		{ "never in versions with one activation a frame", "E1! E0! main", "caller@E0", "E1 caller main", "",
		  PER_FRAME },
		{ "a frame with several anchors is no handler", "E1! E0! main", "a |E1 b |E1 c |E0",
		  "E1 [unmerged] a b c main", "U", COMPLETE },
		{ "an anchored frame is no handler", "E1! E0! main", "key |E1 caller |E0", "key caller main", "",
		  COMPLETE },
	};
	(void)state;
	CHECK_ALL(scenarios);
}

#define CUT(how) .end = PLAIT_UNWIND_##how, .status = PLAIT_WALK_COMPLETE

static void a_cut_native_stack_keeps_what_is_there(void **state)
{
	static const struct scenario scenarios[] = {
		{ "3.12: cut between activations", "sin E1 map", "key |E1 caller |map^3 module |map^9",
		  "sin key map [truncated] caller module", "T", CUT(TRUNCATED) },
		{ "3.12: cut before the first", "sin cos", "key |cos^1 caller module |cos^5",
		  "sin cos [truncated] key caller module", "T", CUT(TRUNCATED) },
		{ "broken: nothing is known of the last frame", "sin jit?", "key |jit caller |jit^4",
		  "sin jit [truncated] key caller", "T", CUT(BROKEN) },
		{ "broken in an activation: its frames follow the mark", "sin E1! map E0!?", "key |E1 caller |E0",
		  "sin key map E0 [truncated] caller", "T", CUT(BROKEN) },
		{ "broken outside of all anchors", "sin E0 run", "f |E0", "sin f run [truncated]", "T", CUT(BROKEN) },
		{ "too many native frames", "sin E0 run", "f |E0 g |run^7", "sin f run [truncated] g", "T",
		  CUT(TOO_DEEP) },
		{ "no native frame at all", "", "", "[truncated]", "T", CUT(TRUNCATED) },
		{ "two thread states lie interleaved beyond the cut", "sin", "a |sin^9 b |sin^1 c |sin^5",
		  "sin [truncated] b c a", "T", CUT(TRUNCATED) },
		{ "3.10", "sin E1 vectorcall", "leaf@E1 caller@vectorcall^1 module@vectorcall^5",
		  "sin leaf vectorcall [truncated] caller module", "T", CUT(TRUNCATED), .per_frame = true },
		{ "3.8: the innermost activation surely has its frame", "a b c sin py E1! vectorcall",
		  "leaf caller module", "a b c sin py leaf vectorcall [truncated] caller module", "T", CUT(TRUNCATED),
		  .per_frame = true },
		{ "3.8: it may have none", "errors occurred check E1! vectorcall", "leaf caller module",
		  "errors occurred check E1 vectorcall [truncated] [unmerged] leaf caller module", "TU", CUT(TRUNCATED),
		  .per_frame = true },
		{ "3.8: no activation in the copy", "sin cos", "leaf caller", "sin cos [truncated] leaf caller", "T",
		  CUT(TRUNCATED), .per_frame = true },
		{ "an unplaced frame between others", "sin E0 run", "f |E0 g |- h |run^4",
		  "sin f run [truncated] [unmerged] g h", "TU", CUT(TRUNCATED) },
	};
	(void)state;
	CHECK_ALL(scenarios);
}

static void a_gap_is_marked_where_it_is(void **state)
{
	static const struct scenario scenarios[] = {
		{ "resumed at an anchor", "kernel?~ _ _ E0 main", "f |E0", "kernel [gap] f main", "G", COMPLETE },
		{ "after an activation", "sin E1~ _ E0 main", "key |E1 caller |E0", "sin key [gap] caller main", "G",
		  COMPLETE },
		{ "an activation inside the gap", "kernel?~ _ _ E0 main", "key |kernel^1 f |E0",
		  "kernel [gap] [unmerged] key f main", "GU", COMPLETE },
		{ "two of them", "kernel?~ _ _ _ E0 main", "a |kernel^1 b |kernel^2 f |E0",
		  "kernel [gap] [unmerged] a b f main", "GU", COMPLETE },
		{ "two gaps", "a?~ _ E1 b?~ _ E0 main", "g |E1 f |E0", "a [gap] g b [gap] f main", "G", COMPLETE },
		{ "a gap and then the cut", "a?~ _ E0 b?", "g |E0 f |b^4", "a [gap] g b [truncated] f", "GT",
		  CUT(BROKEN) },
		{ "a gap at the end", "a?~", "f |a^2", "a [gap] [unmerged] f", "GU", COMPLETE },
		{ "derived", "kernel+ E0 main", "f |E0", "kernel f main", "D", COMPLETE },
		{ "derived and replaced", "E0+ main", "f |E0", "f main", "D", COMPLETE },
		{ "3.8: what is outer to the gap is exact", "sin E2! x?~ _ E1! y E0! main", "leaf g f module",
		  "sin E2 x [gap] [unmerged] leaf g f y module main", "GU", PER_FRAME },
		{ "3.8: a gap inside of the innermost", "kernel?~ _ E1! y E0! main", "f module",
		  "kernel [gap] f y module main", "G", PER_FRAME },
		{ "3.8: a gap around an unpaired one", "E2! x?~ _ E1! y E0! main", "f module",
		  "E2 x [gap] f y module main", "G", PER_FRAME },
		{ "3.8: a gap, and too many activations inside of it", "E3! y E2! x?~ _ E1! z main", "f",
		  "E3 y E2 x [gap] E1 z main [unmerged] f", "GU", PER_FRAME },
		{ "3.8: a gap, and fewer frames than activations outer to it", "x?~ _ E1! y E0! main", "module",
		  "x [gap] E1 y E0 main [unmerged] module", "GU", PER_FRAME },
	};
	(void)state;
	CHECK_ALL(scenarios);
}

static void what_does_not_fit_is_kept_and_marked(void **state)
{
	static const struct scenario scenarios[] = {
		{ "two anchors in one frame", "sin E1 map E0 main", "a |E1 b |E1 c |E0",
		  "sin E1 [unmerged] a b map c main", "U", COMPLETE },
		{ "two anchors in the outermost frame", "sin main", "a |main b |main", "sin main [unmerged] a b", "U",
		  COMPLETE },
		{ "an anchor between two frames", "sin E1 _ E0 main", "a |E1^1 b |E0", "sin E1 [unmerged] a b main",
		  "U", COMPLETE },
		{ "an anchor below the stack pointer", "sin map E0 main", "a |- b |E0", "sin map [unmerged] a b main",
		  "U", COMPLETE },
		{ "all below", "sin main", "a |- b |-", "sin main [unmerged] a b", "U", COMPLETE },
		{ "an anchor beyond the start of the thread", "sin E0 main", "a |E0 b |main^9",
		  "sin a main [unmerged] b", "U", COMPLETE },
		{ "a chain that does not end in an anchor", "sin E0 main", "a |E0 b", "sin a main [unmerged] b", "U",
		  COMPLETE },
		{ "3.11: the same", "sin E0 main", "a@E0 b", "sin a main [unmerged] b", "U", COMPLETE },
		{ "3.8: more frames than activations", "sin E0! main", "a b", "sin E0 main [unmerged] a b", "U",
		  PER_FRAME },
		{ "3.8: evaluator code not known", "sin eval main", "a", "sin eval main [unmerged] a", "U", PER_FRAME },
		{ "3.8: more activations than frames, the innermost paired or not", "E2! x E1! y E0! main", "a",
		  "E2 x E1 y E0 main [unmerged] a", "U", PER_FRAME },
		{ "no native frame", "", "a b", "[unmerged] a b", "U", COMPLETE },
		{ "an entry alone, outside: nothing is missing", "sin E0 main", "|- a |E0", "sin a main", "",
		  COMPLETE },
		{ "two empty activations in one frame", "sin E0 main", "|E0 |E0", "sin E0 main", "", COMPLETE },
		{ "entries without an anchor: nobody knows where", "sin E0 main", "a |. b |E0",
		  "sin [unmerged] a b main", "U", COMPLETE },
	};
	(void)state;
	CHECK_ALL(scenarios);
}

/* A greenlet has a chain of its own, which ends where its C stack goes on into its parent's. */
static void activations_of_other_chains_stay_native(void **state)
{
	static const struct scenario scenarios[] = {
		{ "a greenlet's parent", "sin E1 g_start switch E0 main", "f |E1", "sin f g_start switch E0 main", "",
		  COMPLETE },
		{ "evaluator code known: what is missing is marked", "sin E1! g_start switch E0! main", "f |E1",
		  "sin f g_start switch E0 [unmerged] main", "U", COMPLETE },
		{ "a detached inner interpreter", "E2! x E1! y E0! main", "f |E0", "E2 x E1 [unmerged] y f main", "U",
		  COMPLETE },
		{ "3.8: paired from the inside", "a b c sin py E2! g_start switch E1! x E0! main", "f",
		  "a b c sin py f g_start switch E1 [unmerged] x E0 [unmerged] main", "U", PER_FRAME },
		{ "3.8: one surplus activation, and the innermost is not at its start or end",
		  "a b c sin py E1! switch E0! main", "f", "a b c sin py f switch E0 [unmerged] main", "U", PER_FRAME },
		{ "two interpreters: the chains come one after the other", "sin E3 exec E2 x E1 exec E0 main",
		  "d |E3 b |E1 c |E2 a |E0", "sin d exec c x b exec a main", "", COMPLETE },
		{ "an outer chain on another stack", "sin E1 co_start", "f |E1 g |co_start^9",
		  "sin f co_start [unmerged] g", "U", COMPLETE },
	};
	(void)state;
	CHECK_ALL(scenarios);
}

#define WALK(how) .end = PLAIT_UNWIND_COMPLETE, .status = PLAIT_WALK_##how

static void failed_walks_show_no_garbage(void **state)
{
	static const struct scenario scenarios[] = {
		{ "broken", "sin E0 main", "junk |E0", "sin E0 main [unmerged]", "U", WALK(BROKEN) },
		{ "broken, without frames", "sin E0 main", "", "sin E0 main [unmerged]", "U", WALK(BROKEN) },
		{ "broken, of a cut native stack", "sin E0", "junk", "sin E0 [truncated] [unmerged]", "TU",
		  .end = PLAIT_UNWIND_TRUNCATED, .status = PLAIT_WALK_BROKEN },
		{ "lost", "sin E0 main", "", "sin E0 main [unmerged]", "U", WALK(LOST) },
		{ "no CPython", "sin work main", "", "sin work main", "", WALK(NO_RUNTIME) },
		{ "a thread that never ran Python", "sin work clone", "", "sin work clone", "", WALK(NO_THREAD) },
		{ "no CPython known, but its code runs", "sin E0! main", "", "sin E0 main [unmerged]", "U",
		  WALK(NO_RUNTIME) },
		{ "no thread state found, but the evaluator runs", "sin E0! main", "", "sin E0 main [unmerged]", "U",
		  WALK(NO_THREAD) },
		{ "frames of a thread that has none", "sin main", "junk", "sin main [unmerged]", "U", WALK(NO_THREAD) },
		{ "a status that does not exist", "sin main", "junk", "sin main [unmerged]", "U", .status = 99 },
		{ "no CPython, cut", "sin work", "", "sin work [truncated]", "T", .end = PLAIT_UNWIND_TRUNCATED },
		{ "a kernel thread", "", "", "", "", .end = PLAIT_UNWIND_NONE },
		{ "a kernel thread, walk lost", "", "", "", "", .end = PLAIT_UNWIND_NONE, .status = PLAIT_WALK_LOST },
		{ "no registers, but Python frames", "", "f", "[unmerged] f", "U", .end = PLAIT_UNWIND_NONE,
		  .status = PLAIT_WALK_COMPLETE },
	};
	(void)state;
	CHECK_ALL(scenarios);
}

static void a_walk_that_was_too_deep_keeps_what_it_read(void **state)
{
	static const struct scenario scenarios[] = {
		{ "ends with an activation", "sin E1 map E0 main", "f g |E1", "sin f g [truncated] map E0 main", "T",
		  WALK(TOO_DEEP) },
		{ "ends inside of one, evaluator code known", "sin E1! map E0! main", "f |E1 g h",
		  "sin f map g h [truncated] main", "T", WALK(TOO_DEEP) },
		{ "ends inside of one of several", "sin E2! map E1! map E0! main", "f |E2 g h",
		  "sin f map g h [truncated] map E0 main", "T", WALK(TOO_DEEP) },
		{ "ends inside of one, not known", "sin E1 map E0 main", "f |E1 g h",
		  "sin f map E0 main [unmerged] g h [truncated]", "TU", WALK(TOO_DEEP) },
		{ "ends inside of the first, which is the only one", "E0! main", "f g", "f g [truncated] main", "T",
		  WALK(TOO_DEEP) },
		{ "ends inside of the first, which has callees", "a b c d sin cos py E1! map E0! main", "f g",
		  "a b c d sin cos py f g [truncated] map E0 main", "T", WALK(TOO_DEEP) },
		{ "the first may have no frame yet", "E1! map E0! main", "f g",
		  "E1 map E0 main [unmerged] f g [truncated]", "TU", WALK(TOO_DEEP) },
		{ "the first is a callee's caller, but may have none yet all the same", "sin E1! map E0! main", "f g",
		  "sin E1 map E0 main [unmerged] f g [truncated]", "TU", WALK(TOO_DEEP) },
		{ "no activation is left for the last", "sin E1! map main", "f |E1 g",
		  "sin f map main [unmerged] g [truncated]", "TU", WALK(TOO_DEEP) },
		{ "3.10: the last one has no anchor", "sin E1! map E0! main", "f@E1 g",
		  "sin f map E0 main [unmerged] g [truncated]", "TU", WALK(TOO_DEEP), .per_frame = true },
		{ "both cut, at the same place", "sin E1", "f |E1 g |E1^4 h", "sin f [truncated] g h [truncated]", "T",
		  .end = PLAIT_UNWIND_TRUNCATED, .status = PLAIT_WALK_TOO_DEEP },
		{ "both cut, evaluator code known: the rest lies beyond", "sin E1! map", "f |E1 g",
		  "sin f map [truncated] g [truncated]", "T", .end = PLAIT_UNWIND_TRUNCATED,
		  .status = PLAIT_WALK_TOO_DEEP },
		{ "both cut, not known: the rest may lie before the cut", "sin E1 map", "f |E1 g",
		  "sin f map [truncated] [unmerged] g [truncated]", "TU", .end = PLAIT_UNWIND_TRUNCATED,
		  .status = PLAIT_WALK_TOO_DEEP },
		{ "nothing read", "sin main", "", "sin main [truncated]", "T", WALK(TOO_DEEP) },
		{ "no frame at the end of both", "sin", "", "sin [truncated]", "T", .end = PLAIT_UNWIND_TRUNCATED,
		  .status = PLAIT_WALK_TOO_DEEP },
		{ "3.8", "a b c sin py E2! map E1! map E0! main", "f g", "a b c sin py f map g [truncated] map E0 main",
		  "T", WALK(TOO_DEEP), .per_frame = true },
		{ "3.8: the first may have no frame yet", "E2! map E1! map E0! main", "f g",
		  "E2 map E1 map E0 main [unmerged] f g [truncated]", "TU", WALK(TOO_DEEP), .per_frame = true },
		{ "3.10", "sin E2 map E1 map E0 main", "f@E2 g@E1", "sin f map g [truncated] map E0 main", "T",
		  WALK(TOO_DEEP), .per_frame = true },
	};
	(void)state;
	CHECK_ALL(scenarios);
}

/* 3.8 and 3.9: which activation a frame belongs to is decided by the pointers to it on the stack. */
struct copied {
	uint64_t words[MOST * STEP / 8];
	struct plait_stack_piece piece;
	struct plait_stack stack;
};

/* A copy of the whole stack, in which native frame natives[i] keeps Python frame i's address. */
static void copy_stack(struct text_stack *stack, struct copied *copied, const size_t *natives, size_t count)
{
	memset(copied, 0, sizeof(*copied));
	copied->piece = (struct plait_stack_piece) { .address = BASE,
						     .data = (const uint8_t *)copied->words,
						     .size = stack->native.count * STEP };
	copied->stack = (struct plait_stack) { .pieces = &copied->piece, .count = 1 };
	for (size_t i = 0; i < count; i++)
		copied->words[(natives[i] * STEP + 24) / 8] = stack->pythons[i].address;
	stack->native.copy = &copied->stack;
}

static void check_copied(const char *native, const char *python, enum plait_unwind_end end, const size_t *natives,
			 const char *expected)
{
	struct text_stack stack = { 0 };
	struct plait_hybrid_stack merged = { 0 };
	struct copied copied;
	char text[512];

	read_native(&stack, native);
	read_python(&stack, python);
	copy_stack(&stack, &copied, natives, stack.python.count);
	stack.native.end = end;
	stack.python.status = PLAIT_WALK_COMPLETE;
	stack.python.per_frame = true;
	assert_null(plait_merge(&stack.native, &stack.python, &merged));
	write_merged(&stack, &merged, text, sizeof(text));
	assert_string_equal(text, expected);
	plait_hybrid_stack_release(&merged);
}

static void pointers_on_the_stack_decide_in_3_8(void **state)
{
	static const size_t paired[] = { 0, 2 }, unpaired[] = { 2, 4 }, neither[] = { 1, 3 }, half[] = { 0, 2, 1, 1 };
	(void)state;
	check_copied("E2! x E1! y", "leaf caller", PLAIT_UNWIND_TRUNCATED, paired, "leaf x caller y [truncated]");
	check_copied("E2! x E1! y E0! z", "leaf caller", PLAIT_UNWIND_TRUNCATED, unpaired,
		     "E2 x leaf y caller z [truncated]");
	check_copied("E2! x E1! y", "leaf caller", PLAIT_UNWIND_TRUNCATED, neither,
		     "E2 x E1 y [truncated] [unmerged] leaf caller");
	/* Too few of them speak for one way. */
	check_copied("E3! x E2! y E1! z E0! w", "a b c d", PLAIT_UNWIND_TRUNCATED, half,
		     "E3 x E2 y E1 z E0 w [truncated] [unmerged] a b c d");
	/* Complete, one more activation than frames: a greenlet, or the innermost activation has no frame yet. */
	check_copied("E2! x E1! y E0! main", "leaf caller", PLAIT_UNWIND_COMPLETE, paired,
		     "leaf x caller y E0 [unmerged] main");
	check_copied("E2! x E1! y E0! main", "leaf caller", PLAIT_UNWIND_COMPLETE, unpaired, "E2 x leaf y caller main");
	check_copied("E2! x E1! y E0! main", "leaf caller", PLAIT_UNWIND_COMPLETE, neither, "E2 x leaf y caller main");
}

/* A signal handler on an alternate stack: the frames' addresses are not in order. */
static void frames_on_an_alternate_stack_are_found(void **state)
{
	struct text_stack stack = { 0 };
	struct plait_hybrid_stack merged = { 0 };
	char text[256];
	(void)state;
	read_native(&stack, "handler restorer E1 map E0 main");
	for (size_t i = 0; i < 2; i++) {
		stack.natives[i].sp += 0x100000;
		stack.natives[i].cfa += 0x100000;
	}
	read_python(&stack, "key |E1 caller |E0");
	stack.python.status = PLAIT_WALK_COMPLETE;
	assert_null(plait_merge(&stack.native, &stack.python, &merged));
	write_merged(&stack, &merged, text, sizeof(text));
	assert_string_equal(text, "handler restorer key map caller main");
	assert_int_equal(merged.quality, 0);
	plait_hybrid_stack_release(&merged);
}

/* Boundaries: [sp, cfa), and frames without a stack of their own (a leaf on AArch64). */
static void an_anchor_belongs_to_sp_up_to_but_without_cfa(void **state)
{
	struct plait_native_frame natives[] = { { .pc = 1, .sp = 0x1000, .cfa = 0x1000 },
						{ .pc = 2, .sp = 0x1000, .cfa = 0x1100 },
						{ .pc = 3, .sp = 0x1100, .cfa = 0x1200 } };
	struct plait_native_stack native = { .frames = natives, .count = 3 };
	struct plait_hybrid_stack merged = { 0 };
	static const struct {
		uint64_t anchor;
		uint32_t replaced;
	} cases[] = { { 0x1000, 1 }, { 0x10ff, 1 }, { 0x1100, 2 }, { 0x11ff, 2 }, { 0xfff, 3 }, { 0x1200, 3 } };
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct plait_python_frame frame = { .code = 1, .anchor = cases[i].anchor };
		struct plait_python_chain python = { .frames = &frame, .count = 1, .status = PLAIT_WALK_COMPLETE };
		assert_null(plait_merge(&native, &python, &merged));
		if (cases[i].replaced == 3) {
			assert_int_equal(merged.quality, PLAIT_QUALITY_UNMERGED);
			continue;
		}
		assert_int_equal(merged.count, 3);
		assert_int_equal(merged.quality, 0);
		for (uint32_t k = 0; k < 3; k++)
			assert_int_equal(merged.frames[k].kind,
					 k == cases[i].replaced ? PLAIT_HYBRID_PYTHON : PLAIT_HYBRID_NATIVE);
	}
	plait_hybrid_stack_release(&merged);
}

static void the_array_is_reused(void **state)
{
	struct text_stack deep = { 0 }, flat = { 0 };
	struct plait_hybrid_stack merged = { 0 };
	(void)state;
	read_native(&deep, "a b c d e f g h i j k l E0 m n o p");
	read_python(&deep, "q r s t u v w |E0");
	deep.python.status = PLAIT_WALK_COMPLETE;
	read_native(&flat, "a");
	assert_null(plait_merge(&deep.native, &deep.python, &merged));
	assert_int_equal(merged.count, 23);
	struct plait_hybrid_frame *frames = merged.frames;
	assert_null(plait_merge(&flat.native, &flat.python, &merged));
	assert_int_equal(merged.count, 1);
	assert_ptr_equal(merged.frames, frames);
	plait_hybrid_stack_release(&merged);
	plait_hybrid_stack_release(&merged);
}

struct proof {
	const char *title, *native, *python;
	bool proven;
	enum plait_unwind_end end;
	bool per_frame, settled;
};

/* Frames that were read after the sample and stood at it: had they called others? */
static void frames_read_later_must_be_all_there_were(void **state)
{
	static const struct proof proofs[] = {
		{ "each anchor in an evaluator", "read py E1! map E0! main", "leaf |E1 caller |E0", true },
		{ "an activation further in", "read E2! call E1! map E0! main", "leaf |E1 caller |E0", false },
		{ "the evaluator itself further in", "E2! call E1! map E0! main", "leaf |E1 caller |E0", false },
		{ "an anchor in other code", "read py E1 map E0! main", "leaf |E1 caller |E0", false },
		{ "an outer anchor in other code", "read py E1! map E0 main", "leaf |E1 caller |E0", false },
		{ "an anchor that no frame holds", "read py E1! map E0! main", "leaf |- caller |E0", false },
		{ "nothing", "read py E1! main", "", false },
		{ "3.14: the handler of an opcode", "read H! E1! map E0! main", "leaf |E1 caller |E0", true },
		{ "3.14: a handler further in", "read H! E2! call E1! main", "leaf |E1", false },
		{ "cut before the innermost activation", "kernel1 kernel2", "leaf |kernel2^1", false,
		  PLAIT_UNWIND_TRUNCATED },
		{ "the same, but nothing was called meanwhile", "kernel1 kernel2", "leaf |kernel2^1", true,
		  PLAIT_UNWIND_TRUNCATED, .settled = true },
		{ "not cut: the anchor must be found", "kernel1 kernel2", "leaf |kernel2^1", false, .settled = true },
		{ "cut further out", "read E1! map", "leaf |E1 caller |map^1", true, PLAIT_UNWIND_TRUNCATED },
		{ "3.10", "read E1! call E0! main", "leaf@E1 caller@E0", true, .per_frame = true },
		{ "3.10: the innermost has no anchor", "read E1! call E0! main", "leaf caller@E0", false,
		  .per_frame = true },
		{ "3.8: as many of each", "read E1! call E0! main", "leaf caller", true, .per_frame = true },
		{ "3.8: one more evaluator", "read E2! call E1! call E0! main", "leaf caller", false,
		  .per_frame = true },
		{ "3.8: one fewer", "read E0! main", "leaf caller", false, .per_frame = true },
		{ "3.8: a gap", "read~ E1! call E0! main", "leaf caller", false, .per_frame = true },
		{ "3.8: cut, no pointer to tell", "read E1! call", "leaf caller", false, PLAIT_UNWIND_TRUNCATED, true },
		{ "3.8: cut, but nothing was called meanwhile", "read E1! call", "leaf caller", true,
		  PLAIT_UNWIND_TRUNCATED, true, true },
		{ "3.8: cut, more evaluators than frames", "read E2! E1! E0!", "leaf caller", false,
		  PLAIT_UNWIND_TRUNCATED, true, true },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(proofs) / sizeof(*proofs); i++) {
		struct text_stack stack = { 0 };
		read_native(&stack, proofs[i].native);
		read_python(&stack, proofs[i].python);
		stack.native.end = proofs[i].end;
		stack.python.per_frame = proofs[i].per_frame;
		stack.python.settled = proofs[i].settled;
		stack.python.checked = true;
		if (plait_merge_is_proven(&stack.native, &stack.python) != proofs[i].proven)
			fail_msg("%s: not expected", proofs[i].title);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_version_groups_its_own_way),
		cmocka_unit_test(the_innermost_activation_may_be_unpaired),
		cmocka_unit_test(handlers_of_tail_call_builds_are_folded),
		cmocka_unit_test(a_cut_native_stack_keeps_what_is_there),
		cmocka_unit_test(a_gap_is_marked_where_it_is),
		cmocka_unit_test(what_does_not_fit_is_kept_and_marked),
		cmocka_unit_test(activations_of_other_chains_stay_native),
		cmocka_unit_test(failed_walks_show_no_garbage),
		cmocka_unit_test(a_walk_that_was_too_deep_keeps_what_it_read),
		cmocka_unit_test(pointers_on_the_stack_decide_in_3_8),
		cmocka_unit_test(frames_on_an_alternate_stack_are_found),
		cmocka_unit_test(an_anchor_belongs_to_sp_up_to_but_without_cfa),
		cmocka_unit_test(the_array_is_reused),
		cmocka_unit_test(frames_read_later_must_be_all_there_were),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
