#include "output/model/compare/judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "output/model/compare/distribution.h"

/* Parts of the error rate; that of the whole goes to functions unless it is tested. */
#define FUNCTIONS_PART 0.5
#define LINES_PART 0.2
#define WHOLE_PART 0.3
#define REFERENCE_LEAST 0.1   /* of a side's samples stay in the reference */
#define ABOUT_AS_SURE 0.02    /* of a test statistic */
#define SHARE_MOST 0.9	      /* what has more of all samples has nothing to be in proportion to */
#define INTERVAL_OUTSIDE 0.05 /* what a 95 % interval leaves out */

/* One figure of one row that is tested. */
struct test {
	enum plait_table_kind table;
	uint32_t row;
	int figure;
	size_t like; /* index of the first test with the very same samples; its own: none before */
	bool decided;
	struct plait_contrast contrast;
	double p, adjusted;
};

struct judge {
	struct plait_comparison *comparison;
	struct plait_measure *measure;
	struct plait_contrast_rules rules;
	PLAIT_VEC(struct test) tests;	       /* functions first */
	struct plait_map likes;		       /* hash of blocks -> index in tests */
	bool *outside;			       /* by function: not in the reference */
	struct plait_measure_sum *reference;   /* by input */
	double *reference_leaves;	       /* by input: sum of the squares of its functions' own costs */
	double *reference_blocks;	       /* by input, by block */
	struct plait_contrast_part *parts;     /* scratch, by input */
	size_t families[PLAIT_COMPARE_TABLES]; /* numbers of different tests */
};

static struct plait_compare_rows *table_of(struct plait_comparison *comparison, enum plait_table_kind table)
{
	return table == PLAIT_COMPARE_FUNCTIONS ? &comparison->functions : &comparison->lines;
}

static int side_of(const struct judge *judge, size_t input)
{
	return input < judge->rules.base_count ? PLAIT_COMPARE_BASE : PLAIT_COMPARE_NEW;
}

static size_t inputs_of(const struct judge *judge, int side)
{
	return side == PLAIT_COMPARE_BASE ? judge->rules.base_count : judge->rules.new_count;
}

/* Sums of weights of each side. */
static void whole_of(const struct judge *judge, double ret[PLAIT_COMPARE_SIDES])
{
	ret[0] = ret[1] = 0;
	for (size_t i = 0; i < judge->measure->count; i++)
		ret[side_of(judge, i)] += judge->measure->inputs[i].whole.weight;
}

static void fill_figure(const struct judge *judge, enum plait_table_kind table, uint32_t row, int figure,
			struct plait_compare_figure *ret)
{
	double whole[PLAIT_COMPARE_SIDES];
	whole_of(judge, whole);
	for (size_t i = 0; i < judge->measure->count; i++) {
		const struct plait_measure_value *value = plait_measure_value_of(judge->measure, table, row, figure, i);
		ret->weight[side_of(judge, i)] += value->sum.weight;
		ret->samples[side_of(judge, i)] += value->sum.samples;
	}
	for (int side = 0; side < PLAIT_COMPARE_SIDES; side++) {
		ret->share[side] = whole[side] > 0 ? ret->weight[side] / whole[side] : 0;
		ret->weight[side] /= (double)inputs_of(judge, side);
	}
	ret->low = ret->high = ret->detectable = ret->p = ret->adjusted = NAN;
}

static struct plait_error *fill_rows(const struct judge *judge, enum plait_table_kind table)
{
	struct plait_compare_rows *rows = table_of(judge->comparison, table);
	const struct plait_match *match = &judge->measure->match;
	bool functions = table == PLAIT_COMPARE_FUNCTIONS;
	size_t count = functions ? match->functions.count : match->lines.count;
	if (!plait_vec_reserve(&rows->rows, count))
		return plait_error_no_memory();
	for (uint32_t i = 0; i < count; i++) {
		const struct plait_match_row *from = functions ? &match->functions.data[i] : &match->lines.data[i];
		struct plait_compare_row row = { .label = from->label,
						 .place = from->place,
						 .function = from->function,
						 .lines = { from->lines[0], from->lines[1] },
						 .text = from->text,
						 .guessed = from->guessed };
		for (int figure = 0; figure < PLAIT_COMPARE_FIGURES; figure++)
			fill_figure(judge, table, i, figure, &row.figures[figure]);
		rows->rows.data[rows->rows.count++] = row;
	}
	return NULL;
}

static bool is_always(const struct judge *judge, const struct plait_compare_row *row)
{
	const struct plait_compare_options *options = &judge->comparison->options;
	for (size_t i = 0; i < options->always_count; i++) {
		if (strcmp(options->always[i], row->label->name) == 0)
			return true;
	}
	return false;
}

/* What interrupts do is the machine's affair: with one recording a side nobody knows how much it varies. */
static bool is_interrupts(const struct judge *judge, enum plait_table_kind table, uint32_t row, int figure)
{
	double weight = 0, interrupted = 0;
	for (size_t i = 0; i < judge->measure->count; i++) {
		const struct plait_measure_value *value = plait_measure_value_of(judge->measure, table, row, figure, i);
		weight += value->sum.weight;
		interrupted += value->interrupted;
	}
	return judge->rules.base_count + judge->rules.new_count == 2 && interrupted > weight / 2;
}

static bool is_tested(const struct judge *judge, const struct plait_compare_row *row, int figure)
{
	const struct plait_compare_figure *own = &row->figures[PLAIT_COMPARE_OWN], *value = &row->figures[figure];
	if (value->samples[0] + value->samples[1] < PLAIT_COMPARE_FEWEST)
		return false;
	if (figure == PLAIT_COMPARE_TOTAL && row->label->machinery && !own->samples[0] && !own->samples[1])
		return false;
	if (row->guessed)
		return false; /* the other side's may be another line */
	double share = (value->share[0] + value->share[1]) / 2;
	if (is_always(judge, row))
		return true;
	return share * 100 >= judge->comparison->options.threshold &&
	       (share <= SHARE_MOST || judge->comparison->options.absolute);
}

static bool same_blocks(const struct judge *judge, const struct test *a, const struct test *b)
{
	for (size_t i = 0; i < judge->measure->count; i++) {
		const double *left = plait_measure_value_of(judge->measure, a->table, a->row, a->figure, i)->blocks;
		const double *right = plait_measure_value_of(judge->measure, b->table, b->row, b->figure, i)->blocks;
		if (memcmp(left, right, PLAIT_COMPARE_BLOCKS * sizeof(*left)) != 0)
			return false;
	}
	return true;
}

/* Adds a test, and finds out whether one before it in its table has the same samples. */
static struct plait_error *add_test(struct judge *judge, const struct test *wanted)
{
	struct test test = *wanted;
	test.like = judge->tests.count;
	uint64_t hash = (uint64_t)test.table;
	for (size_t i = 0; i < judge->measure->count; i++) {
		const struct plait_measure_value *value =
			plait_measure_value_of(judge->measure, test.table, test.row, test.figure, i);
		hash = plait_hash_u64(hash ^
				      plait_hash_bytes(value->blocks, PLAIT_COMPARE_BLOCKS * sizeof(*value->blocks)));
	}
	uint64_t *known = plait_map_get(&judge->likes, hash);
	if (known && same_blocks(judge, &judge->tests.data[*known], &test))
		test.like = *known;
	else
		judge->families[test.table]++;
	if ((!known && !plait_map_put(&judge->likes, hash, judge->tests.count)) || !plait_vec_push(&judge->tests, test))
		return plait_error_no_memory();
	return NULL;
}

static struct plait_error *choose_tests(struct judge *judge)
{
	PLAIT_VEC(struct test) chosen = { 0 };
	bool *wanted[PLAIT_COMPARE_TABLES] = { NULL, NULL };
	struct plait_error *error = NULL;
	for (int table = 0; table < PLAIT_COMPARE_TABLES; table++) {
		const struct plait_compare_rows *rows = table_of(judge->comparison, (enum plait_table_kind)table);
		wanted[table] = calloc(rows->rows.count + 1, sizeof(bool));
		for (int figure = 0; wanted[table] && figure < PLAIT_COMPARE_FIGURES; figure++) {
			for (uint32_t i = 0; !error && i < rows->rows.count; i++) {
				struct test test = { (enum plait_table_kind)table, i, figure, .adjusted = 1 };
				if (!is_tested(judge, &rows->rows.data[i], figure) ||
				    is_interrupts(judge, test.table, i, figure))
					continue;
				wanted[table][i] = true;
				if (!plait_vec_push(&chosen, test))
					error = plait_error_no_memory();
			}
		}
		if (!wanted[table] && !error)
			error = plait_error_no_memory();
	}
	if (!error)
		error = plait_measure_blocks(judge->measure, (const bool **)wanted);
	for (size_t i = 0; !error && i < chosen.count; i++)
		error = add_test(judge, &chosen.data[i]);
	plait_vec_free(&chosen);
	free(wanted[0]);
	free(wanted[1]);
	return error;
}

static double square(double x)
{
	return x * x;
}

/* A function's own cost in one recording. */
static double own_weight(const struct judge *judge, uint32_t function, size_t input)
{
	return plait_measure_value_of(judge->measure, PLAIT_COMPARE_FUNCTIONS, function, PLAIT_COMPARE_OWN, input)
		->sum.weight;
}

/* Puts everything into the reference. */
static bool begin_reference(struct judge *judge)
{
	size_t count = judge->measure->count;
	judge->outside = calloc(judge->measure->match.functions.count + 1, sizeof(*judge->outside));
	judge->reference = calloc(count, sizeof(*judge->reference));
	judge->reference_blocks = calloc(count * PLAIT_COMPARE_BLOCKS, sizeof(*judge->reference_blocks));
	judge->parts = calloc(count, sizeof(*judge->parts));
	judge->reference_leaves = calloc(count, sizeof(*judge->reference_leaves));
	if (!judge->outside || !judge->reference || !judge->reference_blocks || !judge->parts ||
	    !judge->reference_leaves)
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct plait_measure_input *input = &judge->measure->inputs[i];
		judge->reference[i] = input->whole;
		memcpy(&judge->reference_blocks[i * PLAIT_COMPARE_BLOCKS], input->blocks, sizeof(input->blocks));
		for (uint32_t j = 0; j < judge->measure->match.functions.count; j++)
			judge->reference_leaves[i] += square(own_weight(judge, j, i));
	}
	return true;
}

/* Takes a function out of the reference. */
static void leave_reference(struct judge *judge, uint32_t function)
{
	judge->outside[function] = true;
	for (size_t i = 0; i < judge->measure->count; i++) {
		const struct plait_measure_value *value =
			plait_measure_value_of(judge->measure, PLAIT_COMPARE_FUNCTIONS, function, PLAIT_COMPARE_OWN, i);
		judge->reference[i].weight -= value->sum.weight;
		judge->reference[i].squares -= value->sum.squares;
		judge->reference_leaves[i] -= square(value->sum.weight);
		for (int j = 0; j < PLAIT_COMPARE_BLOCKS; j++)
			judge->reference_blocks[i * PLAIT_COMPARE_BLOCKS + (size_t)j] -= value->blocks[j];
	}
}

/* Sums of the reference of each side. */
static void reference_of(const struct judge *judge, double ret[PLAIT_COMPARE_SIDES])
{
	ret[0] = ret[1] = 0;
	for (size_t i = 0; i < judge->measure->count; i++)
		ret[side_of(judge, i)] += judge->reference[i].weight;
}

static bool can_leave(const struct judge *judge, uint32_t function)
{
	const struct plait_compare_figure *own = &judge->comparison->functions.rows.data[function].figures[0];
	double reference[PLAIT_COMPARE_SIDES], whole[PLAIT_COMPARE_SIDES];
	reference_of(judge, reference);
	whole_of(judge, whole);
	for (int side = 0; side < PLAIT_COMPARE_SIDES; side++) {
		if (reference[side] / whole[side] - own->share[side] < REFERENCE_LEAST)
			return false;
	}
	return true;
}

/* Measures a test against the reference as it is now. */
static void measure_test(struct judge *judge, struct test *test)
{
	bool absolute = judge->comparison->options.absolute;
	for (size_t i = 0; i < judge->measure->count; i++) {
		const struct plait_measure_value *value =
			plait_measure_value_of(judge->measure, test->table, test->row, test->figure, i);
		struct plait_contrast_part part = { .part = value->sum.weight,
						    .part_squares = value->sum.squares,
						    .reference = 1,
						    .part_blocks = value->blocks };
		bool own = test->table == PLAIT_COMPARE_FUNCTIONS && test->figure == PLAIT_COMPARE_OWN;
		if (!absolute) {
			part.reference = judge->reference[i].weight;
			part.reference_squares = judge->reference[i].squares;
			part.reference_leaf_squares = judge->reference_leaves[i];
			part.leaf_squares = value->leaf_squares;
			part.reference_blocks = &judge->reference_blocks[i * PLAIT_COMPARE_BLOCKS];
			part.shared_squares =
				own ? (judge->outside[test->row] ? 0 : value->sum.squares) : value->shared_squares;
		}
		judge->parts[i] = part;
	}
	plait_contrast_measure(judge->parts, &judge->rules, &test->contrast);
}

/* Learns from the functions' own costs how much recordings differ. */
static struct plait_error *learn_prior(struct judge *judge)
{
	PLAIT_VEC(struct plait_contrast) contrasts = { 0 };
	bool kept = true;
	for (size_t i = 0; kept && i < judge->tests.count; i++) {
		const struct test *test = &judge->tests.data[i];
		if (test->table == PLAIT_COMPARE_FUNCTIONS && test->figure == PLAIT_COMPARE_OWN && test->like == i)
			kept = plait_vec_push(&contrasts, test->contrast);
	}
	if (kept)
		plait_contrast_prior(contrasts.data, contrasts.count, &judge->rules);
	plait_vec_free(&contrasts);
	return kept ? NULL : plait_error_no_memory();
}

static bool is_own_function(const struct test *test)
{
	return test->table == PLAIT_COMPARE_FUNCTIONS && test->figure == PLAIT_COMPARE_OWN;
}

/* Whether `test` is surer than `best`. Of two functions that are all there is, one is as sure as the other: the smaller
 * one is said to have changed. */
static bool is_surer(const struct judge *judge, const struct test *test, const struct test *best)
{
	const struct plait_compare_row *rows = judge->comparison->functions.rows.data;
	double z = fabs(test->contrast.z), other = fabs(best->contrast.z);
	if (fabs(z - other) > ABOUT_AS_SURE * other)
		return z > other;
	return rows[test->row].figures[PLAIT_COMPARE_OWN].share[0] <
	       rows[best->row].figures[PLAIT_COMPARE_OWN].share[0];
}

/* Measures all tests of functions' own costs that are not decided; `*ret` is the surest, NULL: none is left. */
static struct plait_error *find_surest(struct judge *judge, struct test **ret)
{
	*ret = NULL;
	for (size_t i = 0; i < judge->tests.count; i++) {
		if (is_own_function(&judge->tests.data[i]))
			measure_test(judge, &judge->tests.data[i]);
	}
	PLAIT_TRY(learn_prior(judge));
	for (size_t i = 0; i < judge->tests.count; i++) {
		struct test *test = &judge->tests.data[i];
		if (!is_own_function(test) || test->decided || test->like != i)
			continue;
		plait_contrast_test(&test->contrast, &judge->rules);
		test->p = test->contrast.p;
		if (!*ret || is_surer(judge, test, *ret))
			*ret = test;
	}
	return NULL;
}

/* Takes changed functions out of the reference, the surest first. `*ret_decided` are decided then. */
static struct plait_error *settle_reference(struct judge *judge, size_t *ret_decided, double *ret_adjusted)
{
	double level = judge->comparison->functions.error_rate, adjusted = 0;
	size_t decided = 0;
	for (;; decided++) {
		struct test *surest;
		PLAIT_TRY(find_surest(judge, &surest));
		double p = surest ? surest->p * (double)(judge->families[PLAIT_COMPARE_FUNCTIONS] - decided) : 1;
		if (!surest || p > level || !can_leave(judge, surest->row))
			break;
		adjusted = fmax(adjusted, p);
		surest->decided = true;
		surest->adjusted = adjusted;
		leave_reference(judge, surest->row);
	}
	*ret_decided = decided;
	*ret_adjusted = adjusted;
	return NULL;
}

/* Holm's adjustment of the tests of a table that are not decided yet. */
static struct plait_error *adjust(struct judge *judge, enum plait_table_kind table, size_t decided, double least)
{
	size_t count = judge->tests.count;
	double *p PLAIT_FREE = calloc(count + 1, sizeof(*p));
	double *adjusted PLAIT_FREE = calloc(count + 1, sizeof(*adjusted));
	if (!p || !adjusted)
		return plait_error_no_memory();
	for (size_t i = 0; i < count; i++) {
		const struct test *test = &judge->tests.data[i];
		p[i] = test->table == table && test->like == i && !test->decided ? test->p : NAN;
	}
	if (!plait_holm(p, count, judge->families[table] - decided, adjusted))
		return plait_error_no_memory();
	for (size_t i = 0; i < count; i++) {
		struct test *test = &judge->tests.data[i];
		if (!isnan(p[i]))
			test->adjusted = fmax(least, adjusted[i]);
	}
	return NULL;
}

static struct plait_error *test_all(struct judge *judge)
{
	size_t decided = 0;
	double least = 0;
	if (judge->comparison->options.absolute) {
		struct test *surest;
		PLAIT_TRY(find_surest(judge, &surest)); /* for what is learned on the way */
	} else {
		PLAIT_TRY(settle_reference(judge, &decided, &least));
	}
	PLAIT_TRY(plait_measure_share(judge->measure, judge->outside));
	for (size_t i = 0; i < judge->tests.count; i++) {
		struct test *test = &judge->tests.data[i];
		measure_test(judge, test);
		plait_contrast_test(&test->contrast, &judge->rules);
		test->p = test->contrast.p;
	}
	PLAIT_TRY(adjust(judge, PLAIT_COMPARE_FUNCTIONS, decided, least));
	return adjust(judge, PLAIT_COMPARE_LINES, 0, 0);
}

static enum plait_compare_verdict verdict_of(const struct plait_compare_figure *figure, double error_rate)
{
	if (!figure->tested)
		return PLAIT_COMPARE_SMALL;
	if (figure->adjusted > error_rate)
		return PLAIT_COMPARE_UNDECIDED;
	if (!figure->samples[PLAIT_COMPARE_BASE])
		return PLAIT_COMPARE_ADDED;
	if (!figure->samples[PLAIT_COMPARE_NEW])
		return PLAIT_COMPARE_REMOVED;
	return figure->change > 0 ? PLAIT_COMPARE_SLOWER : PLAIT_COMPARE_FASTER;
}

bool plait_compare_is_change(enum plait_compare_verdict verdict)
{
	return verdict > PLAIT_COMPARE_UNDECIDED;
}

/* By how much a figure changed, noise included. */
static double raw_change(const struct judge *judge, const struct plait_compare_figure *figure)
{
	double reference[PLAIT_COMPARE_SIDES], scale = 1;
	reference_of(judge, reference);
	if (figure->weight[0] <= 0)
		return figure->weight[1] > 0 ? INFINITY : NAN;
	if (!judge->comparison->options.absolute)
		scale = reference[0] / reference[1] * (double)judge->rules.new_count / (double)judge->rules.base_count;
	return figure->weight[1] / figure->weight[0] * scale - 1;
}

/* `level`: of the first of the tests. */
static void take_contrast(const struct test *test, double level, struct plait_compare_figure *figure)
{
	const struct plait_contrast *contrast = &test->contrast;
	figure->tested = true;
	figure->p = contrast->p;
	figure->adjusted = test->adjusted;
	figure->detectable = plait_contrast_detectable(contrast, level);
	if (figure->samples[0] && figure->samples[1]) {
		double away = plait_student_quantile(INTERVAL_OUTSIDE, contrast->df) * contrast->error;
		figure->low = expm1(contrast->change - away);
		figure->high = expm1(contrast->change + away);
	}
}

static void take_results(struct judge *judge)
{
	for (size_t i = 0; i < judge->tests.count; i++) {
		struct test *test = &judge->tests.data[i];
		const struct test *first = &judge->tests.data[test->like];
		struct plait_compare_rows *rows = table_of(judge->comparison, test->table);
		test->adjusted = first->adjusted;
		test->contrast = first->contrast;
		take_contrast(test, rows->error_rate / (double)judge->families[test->table],
			      &rows->rows.data[test->row].figures[test->figure]);
	}
	for (int table = 0; table < PLAIT_COMPARE_TABLES; table++) {
		struct plait_compare_rows *rows = table_of(judge->comparison, (enum plait_table_kind)table);
		rows->tests = judge->families[table];
		for (size_t i = 0; i < rows->rows.count * PLAIT_COMPARE_FIGURES; i++) {
			struct plait_compare_figure *figure =
				&rows->rows.data[i / PLAIT_COMPARE_FIGURES].figures[i % PLAIT_COMPARE_FIGURES];
			figure->change = raw_change(judge, figure);
			figure->verdict = verdict_of(figure, rows->error_rate);
		}
	}
}

/* Everything that was selected. */
static struct plait_error *judge_whole(struct judge *judge)
{
	struct plait_compare_figure *whole = &judge->comparison->whole;
	double sums[PLAIT_COMPARE_SIDES];
	whole_of(judge, sums);
	whole->low = whole->high = whole->detectable = whole->p = whole->adjusted = NAN;
	for (int side = 0; side < PLAIT_COMPARE_SIDES; side++) {
		whole->weight[side] = sums[side] / (double)inputs_of(judge, side);
		whole->share[side] = 1;
		whole->samples[side] = judge->comparison->sides[side].samples;
	}
	whole->change = raw_change(judge, whole);
	if (!judge->comparison->options.absolute)
		return NULL;
	struct test test = { .contrast.p = 1 };
	for (size_t i = 0; i < judge->measure->count; i++) {
		const struct plait_measure_input *input = &judge->measure->inputs[i];
		judge->parts[i] = (struct plait_contrast_part) { .part = input->whole.weight,
								 .part_squares = input->whole.squares,
								 .reference = 1 };
	}
	plait_contrast_measure(judge->parts, &judge->rules, &test.contrast);
	plait_contrast_test(&test.contrast, &judge->rules);
	test.adjusted = test.contrast.p; /* one test, at a part of the error rate that is nobody else's */
	double level = judge->comparison->options.error_rate * WHOLE_PART;
	take_contrast(&test, level, whole);
	whole->verdict = verdict_of(whole, level);
	return NULL;
}

struct plait_error *plait_compare_judge(struct plait_comparison *comparison, struct plait_measure *measure)
{
	struct judge judge = { .comparison = comparison, .measure = measure, .rules = comparison->rules };
	double rate = comparison->options.error_rate;
	comparison->lines.error_rate = rate * LINES_PART;
	comparison->functions.error_rate = rate * (FUNCTIONS_PART + (comparison->options.absolute ? 0 : WHOLE_PART));
	struct plait_error *error = fill_rows(&judge, PLAIT_COMPARE_FUNCTIONS);
	if (!error)
		error = fill_rows(&judge, PLAIT_COMPARE_LINES);
	if (!error)
		error = begin_reference(&judge) ? choose_tests(&judge) : plait_error_no_memory();
	if (!error)
		error = test_all(&judge);
	if (!error) {
		double reference[PLAIT_COMPARE_SIDES], whole[PLAIT_COMPARE_SIDES];
		take_results(&judge);
		error = judge_whole(&judge);
		reference_of(&judge, reference);
		whole_of(&judge, whole);
		comparison->reference = whole[1] > 0 ? reference[1] / whole[1] : 0;
		comparison->rules = judge.rules;
	}
	free(judge.outside);
	free(judge.reference);
	free(judge.reference_blocks);
	free(judge.reference_leaves);
	free(judge.parts);
	plait_vec_free(&judge.tests);
	plait_map_release(&judge.likes);
	return error;
}
