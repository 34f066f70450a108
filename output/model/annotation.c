#include "output/model/annotation.h"

#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>

/* What each node of the stack trie weighs, of the selected samples. */
struct weights {
	uint64_t *own, *total; /* ended here; ended here or further inside */
	uint64_t *samples;     /* in `own` */
	uint64_t all;
};

static void release_weights(struct weights *weights)
{
	free(weights->own);
	free(weights->total);
	free(weights->samples);
}

static bool make_weights(const struct plait_profile *profile, const struct plait_selection *selection,
			 struct weights *ret)
{
	size_t count = profile->nodes.count + 1;
	*ret = (struct weights) { calloc(count, 8), calloc(count, 8), calloc(count, 8), 0 };
	if (!ret->own || !ret->total || !ret->samples) {
		release_weights(ret);
		return false;
	}
	for (size_t i = 0; i < profile->samples.count; i++) {
		const struct plait_profile_sample *sample = &profile->samples.data[i];
		if (!plait_selection_takes(selection, sample->thread, sample->event, sample->node))
			continue;
		ret->all = plait_saturating_add(ret->all, sample->weight);
		if (sample->node == PLAIT_NONE)
			continue;
		ret->own[sample->node] = plait_saturating_add(ret->own[sample->node], sample->weight);
		ret->samples[sample->node] += sample->count;
	}
	for (size_t i = profile->nodes.count; i-- > 0;) { /* a parent comes before its children */
		ret->total[i] = plait_saturating_add(ret->total[i], ret->own[i]);
		uint32_t parent = profile->nodes.data[i].parent;
		if (parent != PLAIT_NONE)
			ret->total[parent] = plait_saturating_add(ret->total[parent], ret->total[i]);
	}
	return true;
}

static const struct plait_record_frame *frame_of(const struct plait_profile *profile, size_t node)
{
	return &profile->frames.data[profile->nodes.data[node].frame].record;
}

static void add_cost(struct plait_cost *cost, uint64_t own, uint64_t total, uint64_t samples)
{
	cost->own = plait_saturating_add(cost->own, own);
	cost->total = plait_saturating_add(cost->total, total);
	cost->samples += samples;
}

/* ---- Python ---- */

struct annotator {
	const struct plait_profile *profile;
	const struct plait_source_query *query;
	struct weights weights;
	struct plait_source_annotation *ret;
	uint64_t *inner, *inner_samples; /* by node: what ended in it or in native frames inside of it */
	bool *code_matches;		 /* by code object */
	struct plait_map native_of;	 /* label -> index in ret->natives */
};

static bool matches(const struct annotator *annotator, const struct plait_record_frame *frame)
{
	return frame->kind == PLAIT_FRAME_PYTHON && annotator->code_matches[frame->code];
}

static bool is_asked(const struct annotator *annotator, const struct plait_record_frame *frame)
{
	return matches(annotator, frame) && (!annotator->query->line || frame->line == annotator->query->line);
}

/* How much of a frame further out is the same. */
enum sameness { SAME_FRAME, SAME_LINE, SAME_QUERY };

static bool is_same(const struct annotator *annotator, const struct plait_record_frame *a,
		    const struct plait_record_frame *b, enum sameness sameness)
{
	if (!matches(annotator, b) || (sameness == SAME_QUERY && !is_asked(annotator, b)))
		return false;
	bool line = a->line == b->line;
	bool span = a->column == b->column && a->end_column == b->end_column && a->end_line == b->end_line;
	return sameness == SAME_QUERY || (line && (sameness == SAME_LINE || span));
}

/* Whether a frame further out than `node` is the same: then the stack has been counted there. */
static bool is_nested(const struct annotator *annotator, size_t node, enum sameness sameness)
{
	const struct plait_profile *profile = annotator->profile;
	for (uint32_t at = profile->nodes.data[node].parent; at != PLAIT_NONE; at = profile->nodes.data[at].parent) {
		if (is_same(annotator, frame_of(profile, node), frame_of(profile, at), sameness))
			return true;
	}
	return false;
}

static bool add_node(struct annotator *annotator, size_t node)
{
	const struct plait_record_frame *frame = frame_of(annotator->profile, node);
	uint64_t own = annotator->inner[node], total = annotator->weights.total[node];
	uint64_t samples = annotator->inner_samples[node];
	if (!matches(annotator, frame) || !total)
		return true;
	struct plait_line_cost line = { .line = frame->line };
	struct plait_span_cost span = { frame->line, frame->end_line, frame->column, frame->end_column, { 0 } };
	add_cost(&line.cost, own, is_nested(annotator, node, SAME_LINE) ? 0 : total, samples);
	add_cost(&span.cost, own, is_nested(annotator, node, SAME_FRAME) ? 0 : total, samples);
	if (is_asked(annotator, frame))
		add_cost(&annotator->ret->cost, own, is_nested(annotator, node, SAME_QUERY) ? 0 : total, samples);
	if (frame->line <= 0)
		return true;
	return plait_vec_push(&annotator->ret->lines, line) &&
	       (frame->column < 0 || plait_vec_push(&annotator->ret->spans, span));
}

/* Puts what ended in native frames inside of a Python frame on that frame. */
static void gather_inner(struct annotator *annotator)
{
	const struct plait_profile *profile = annotator->profile;
	for (size_t i = profile->nodes.count; i-- > 0;) {
		annotator->inner[i] = plait_saturating_add(annotator->inner[i], annotator->weights.own[i]);
		annotator->inner_samples[i] += annotator->weights.samples[i];
		uint32_t parent = profile->nodes.data[i].parent;
		if (parent == PLAIT_NONE || frame_of(profile, i)->kind == PLAIT_FRAME_PYTHON)
			continue;
		annotator->inner[parent] = plait_saturating_add(annotator->inner[parent], annotator->inner[i]);
		annotator->inner_samples[parent] += annotator->inner_samples[i];
	}
}

/* A node where samples ended in native code right inside of a line that is asked for. */
static bool add_native(struct annotator *annotator, size_t node)
{
	const struct plait_profile *profile = annotator->profile;
	enum plait_frame_kind kind = frame_of(profile, node)->kind;
	uint32_t at = (uint32_t)node, frame = profile->nodes.data[node].frame;
	if (!annotator->weights.own[node] || (kind != PLAIT_FRAME_NATIVE && kind != PLAIT_FRAME_KERNEL))
		return true;
	while (at != PLAIT_NONE && frame_of(profile, at)->kind != PLAIT_FRAME_PYTHON)
		at = profile->nodes.data[at].parent;
	if (at == PLAIT_NONE || !is_asked(annotator, frame_of(profile, at)))
		return true;
	const struct plait_profile_frame *found = &profile->frames.data[frame];
	if (!found->label_count)
		return true;
	/* The function itself, not what was inlined into it: that is what has code of its own. */
	uint32_t label = profile->frame_labels.data[found->labels + found->label_count - 1];
	const uint64_t *known = plait_map_get(&annotator->native_of, label);
	size_t index = known ? *known : annotator->ret->natives.count;
	if (!known && (!plait_vec_push(&annotator->ret->natives, (struct plait_native_cost) { frame, label, 0, 0 }) ||
		       !plait_map_put(&annotator->native_of, label, index)))
		return false;
	struct plait_native_cost *native = &annotator->ret->natives.data[index];
	native->weight = plait_saturating_add(native->weight, annotator->weights.own[node]);
	native->samples += annotator->weights.samples[node];
	return true;
}

static int by_line(const void *a, const void *b)
{
	const struct plait_line_cost *x = a, *y = b;
	return (x->line > y->line) - (x->line < y->line);
}

static int by_span(const void *a, const void *b)
{
	const struct plait_span_cost *x = a, *y = b;
	const int32_t one[] = { x->line, x->column, x->end_line, x->end_column };
	const int32_t two[] = { y->line, y->column, y->end_line, y->end_column };
	for (int i = 0; i < 4; i++) {
		if (one[i] != two[i])
			return one[i] < two[i] ? -1 : 1;
	}
	return 0;
}

static int by_weight(const void *a, const void *b)
{
	const struct plait_native_cost *x = a, *y = b;
	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return (x->label > y->label) - (x->label < y->label);
}

/* Sorts the costs and puts equal ones together. */
static void put_together(struct plait_source_annotation *ret)
{
	size_t kept = 0;
	if (ret->lines.count)
		qsort(ret->lines.data, ret->lines.count, sizeof(ret->lines.data[0]), by_line);
	for (size_t i = 0; i < ret->lines.count; i++) {
		struct plait_line_cost line = ret->lines.data[i];
		if (kept && by_line(&ret->lines.data[kept - 1], &line) == 0)
			add_cost(&ret->lines.data[kept - 1].cost, line.cost.own, line.cost.total, line.cost.samples);
		else
			ret->lines.data[kept++] = line;
	}
	ret->lines.count = kept;
	kept = 0;
	if (ret->spans.count)
		qsort(ret->spans.data, ret->spans.count, sizeof(ret->spans.data[0]), by_span);
	for (size_t i = 0; i < ret->spans.count; i++) {
		struct plait_span_cost span = ret->spans.data[i];
		if (kept && by_span(&ret->spans.data[kept - 1], &span) == 0)
			add_cost(&ret->spans.data[kept - 1].cost, span.cost.own, span.cost.total, span.cost.samples);
		else
			ret->spans.data[kept++] = span;
	}
	ret->spans.count = kept;
	if (ret->natives.count)
		qsort(ret->natives.data, ret->natives.count, sizeof(ret->natives.data[0]), by_weight);
}

static void match_codes(struct annotator *annotator)
{
	const struct plait_source_query *query = annotator->query;
	for (size_t i = 0; i < annotator->profile->codes.count; i++) {
		const struct plait_record_code *code = &annotator->profile->codes.data[i];
		bool named = !query->function || strcmp(code->name, query->function) == 0 ||
			     strcmp(code->qualname, query->function) == 0;
		annotator->code_matches[i] = named && strcmp(code->filename, query->file) == 0;
		int32_t *first = &annotator->ret->first_line;
		if (annotator->code_matches[i] && query->function && (!*first || code->first_line < *first))
			*first = code->first_line;
	}
}

static bool annotate(struct annotator *annotator)
{
	match_codes(annotator);
	gather_inner(annotator);
	for (size_t i = 0; i < annotator->profile->nodes.count; i++) {
		if (!add_node(annotator, i) || !add_native(annotator, i))
			return false;
	}
	put_together(annotator->ret);
	annotator->ret->all = annotator->weights.all;
	return true;
}

struct plait_error *plait_source_annotate(const struct plait_profile *profile, const struct plait_selection *selection,
					  const struct plait_source_query *query, struct plait_source_annotation *ret)
{
	*ret = (struct plait_source_annotation) { 0 };
	size_t nodes = profile->nodes.count + 1;
	struct annotator annotator = { .profile = profile,
				       .query = query,
				       .ret = ret,
				       .inner = calloc(nodes, sizeof(uint64_t)),
				       .inner_samples = calloc(nodes, sizeof(uint64_t)),
				       .code_matches = calloc(profile->codes.count + 1, sizeof(bool)) };
	bool done = annotator.inner && annotator.inner_samples && annotator.code_matches &&
		    make_weights(profile, selection, &annotator.weights);
	if (done) {
		done = annotate(&annotator);
		release_weights(&annotator.weights);
	}
	free(annotator.inner);
	free(annotator.inner_samples);
	free(annotator.code_matches);
	plait_map_release(&annotator.native_of);
	return done ? NULL : plait_error_no_memory();
}

void plait_source_annotation_release(struct plait_source_annotation *annotation)
{
	plait_vec_free(&annotation->lines);
	plait_vec_free(&annotation->spans);
	plait_vec_free(&annotation->natives);
}

/* ---- machine code ---- */

static bool is_inside(const struct plait_code_annotation *annotation, const struct plait_record_frame *frame)
{
	return frame->kind == PLAIT_FRAME_NATIVE && frame->module == annotation->module &&
	       frame->address >= annotation->start && frame->address - annotation->start < annotation->size;
}

/* The instruction that has the address, which is inside of the function; NULL: there are no rows. */
static struct plait_code_row *row_at(struct plait_code_annotation *annotation, uint64_t address)
{
	size_t low = 0, high = annotation->rows.count;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (annotation->rows.data[middle].offset <= address - annotation->start)
			low = middle;
		else
			high = middle;
	}
	return high ? &annotation->rows.data[low] : NULL;
}

/* Whether the function (`exact`: the very instruction) is also further out in the stack. */
static bool is_recursion(const struct plait_profile *profile, const struct plait_code_annotation *annotation,
			 size_t node, bool exact)
{
	const struct plait_record_frame *frame = frame_of(profile, node);
	for (uint32_t at = profile->nodes.data[node].parent; at != PLAIT_NONE; at = profile->nodes.data[at].parent) {
		const struct plait_record_frame *outer = frame_of(profile, at);
		if (is_inside(annotation, outer) && (!exact || outer->address == frame->address))
			return true;
	}
	return false;
}

/* Where the instruction pointer of a sample points to. The processor raises the interrupt of a counter or timer some
 * instructions after the event, unless it is precise (perf_event_open(2), precise_ip: 2 and more are without skid); the
 * kernel's own events name what caused them. */
static bool has_no_skid(const struct plait_profile_event *event)
{
	const struct plait_record_event_traits *traits = &event->traits;
	if (traits->precise >= 2)
		return true;
	if (event->record.unit_ns)
		return false;
	return traits->type == PERF_TYPE_SOFTWARE || traits->type == PERF_TYPE_TRACEPOINT ||
	       traits->type == PERF_TYPE_BREAKPOINT;
}

struct plait_error *plait_code_annotate(const struct plait_profile *profile, const struct plait_selection *selection,
					struct plait_code_annotation *annotation)
{
	struct weights weights;
	if (!make_weights(profile, selection, &weights))
		return plait_error_no_memory();
	for (size_t i = 0; i < profile->nodes.count; i++) {
		const struct plait_record_frame *frame = frame_of(profile, i);
		struct plait_code_row *row =
			weights.total[i] && is_inside(annotation, frame) ? row_at(annotation, frame->address) : NULL;
		if (!row)
			continue;
		uint64_t total = weights.total[i];
		add_cost(&row->cost, weights.own[i], is_recursion(profile, annotation, i, true) ? 0 : total,
			 weights.samples[i]);
		add_cost(&annotation->cost, weights.own[i], is_recursion(profile, annotation, i, false) ? 0 : total,
			 weights.samples[i]);
	}
	uint32_t event = plait_selection_event(selection);
	annotation->exact = event != PLAIT_NONE && has_no_skid(&profile->events.data[event]);
	annotation->all = weights.all;
	release_weights(&weights);
	return NULL;
}

void plait_code_annotation_release(struct plait_code_annotation *annotation)
{
	plait_vec_free(&annotation->rows);
}
