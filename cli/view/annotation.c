/* What a row's function or line costs: `plait annotate` in a pane. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/annotate/show.h"
#include "cli/view/parts.h"
#include "common/cleanup.h"

static const struct plait_label *label_at(const struct plait_view *view, uint32_t label)
{
	return &view->profile->labels.all.data[label];
}

static bool is_native(const struct plait_profile_frame *frame)
{
	return frame->record.kind == PLAIT_FRAME_NATIVE && frame->record.module != PLAIT_NONE && frame->size > 0;
}

/* Whether a frame has this label, or one of whose function it is. */
static bool has_label(const struct plait_profile *profile, const struct plait_profile_frame *frame, uint32_t label)
{
	for (uint32_t i = 0; i < frame->label_count; i++) {
		uint32_t own = profile->frame_labels.data[frame->labels + i];
		if (own == label || profile->labels.all.data[own].function == label)
			return true;
	}
	return false;
}

/* What fell into each frame itself, of the samples that are shown. NULL: no memory. */
static uint64_t *weigh_frames(const struct plait_view *view)
{
	const struct plait_profile *profile = view->profile;
	uint64_t *weights = calloc(profile->frames.count + 1, sizeof(*weights));
	for (size_t i = 0; weights && i < profile->samples.count; i++) {
		const struct plait_profile_sample *sample = &profile->samples.data[i];
		if (sample->node == PLAIT_NONE ||
		    !plait_selection_takes(view->selection, sample->thread, sample->event, sample->node))
			continue;
		uint64_t *weight = &weights[profile->nodes.data[sample->node].frame];
		*weight = plait_saturating_add(*weight, sample->weight);
	}
	return weights;
}

/* The hottest frame with this label whose code can be looked for; PLAIT_NONE: there is none. */
static struct plait_error *find_frame(const struct plait_view *view, uint32_t label, uint32_t *ret)
{
	uint64_t *weights PLAIT_FREE = weigh_frames(view);
	if (!weights)
		return plait_error_no_memory();
	*ret = PLAIT_NONE;
	for (uint32_t i = 0; i < view->profile->frames.count; i++) {
		const struct plait_profile_frame *frame = &view->profile->frames.data[i];
		if (is_native(frame) && has_label(view->profile, frame, label) &&
		    (*ret == PLAIT_NONE || weights[i] > weights[*ret]))
			*ret = i;
	}
	return NULL;
}

/* Shows the code of the function that has this frame. */
static struct plait_error *show_frame(struct plait_view *view, uint32_t label, uint32_t frame)
{
	if (frame == PLAIT_NONE || !is_native(&view->profile->frames.data[frame])) {
		plait_view_say(view, label_at(view, label)->kind == PLAIT_LABEL_KERNEL
					     ? "this is code of the kernel, which plait cannot annotate"
					     : "where this function begins and ends is not known: its code cannot be "
					       "shown");
		return NULL;
	}
	view->pane.label = label;
	view->pane.frame = frame;
	view->pane.full = view->full;
	return plait_pane_show(view, PLAIT_PANE_ANNOTATE);
}

static struct plait_error *show_native(struct plait_view *view, uint32_t label)
{
	uint32_t frame = PLAIT_NONE;
	PLAIT_TRY(find_frame(view, label, &frame));
	PLAIT_TRY(show_frame(view, label, frame));
	if (frame != PLAIT_NONE && label_at(view, label)->unresolved)
		plait_view_say(view, "code without names: the hottest of its functions, at 0x%" PRIx64,
			       view->profile->frames.data[frame].start);
	return NULL;
}

struct plait_error *plait_annotation_show(struct plait_view *view, uint32_t label)
{
	if (label == PLAIT_NONE || plait_selection_event(view->selection) == PLAIT_NONE) {
		plait_view_say(view, "this row is no function");
		return NULL;
	}
	switch (label_at(view, label)->kind) {
	case PLAIT_LABEL_PYTHON:
		view->pane.label = label;
		view->pane.frame = PLAIT_NONE;
		view->pane.full = view->full;
		view->pane.scope = PLAIT_SCOPE_FUNCTION;
		return plait_pane_show(view, PLAIT_PANE_ANNOTATE);
	case PLAIT_LABEL_NATIVE:
		return show_native(view, label);
	case PLAIT_LABEL_KERNEL:
		return show_frame(view, label, PLAIT_NONE);
	case PLAIT_LABEL_MARKER:
	case PLAIT_LABEL_PROCESS:
	case PLAIT_LABEL_THREAD:
		break;
	}
	plait_view_say(view, "this row is no function");
	return NULL;
}

/* What is annotated of the Python label of the pane. */
static struct plait_source_query query_of(const struct plait_view *view)
{
	const struct plait_label *label = label_at(view, view->pane.label);
	return (struct plait_source_query) {
		.file = label->file,
		.function = view->pane.scope == PLAIT_SCOPE_FUNCTION ? label->name : NULL,
		.line = view->pane.scope == PLAIT_SCOPE_LINE ? label->line : 0,
	};
}

struct plait_error *plait_annotation_show_native(struct plait_view *view, size_t index)
{
	struct plait_source_annotation annotation;
	struct plait_source_query query = query_of(view);
	struct plait_error *error = plait_source_annotate(view->profile, view->selection, &query, &annotation);
	if (!error && index < annotation.natives.count) {
		const struct plait_native_cost *native = &annotation.natives.data[index];
		struct plait_pane python = view->pane;
		view->pane = (struct plait_pane) { 0 };
		error = show_frame(view, native->label, native->frame);
		if (view->pane.kind != PLAIT_PANE_NONE)
			view->under = python;
		else
			view->pane = python;
	}
	plait_source_annotation_release(&annotation);
	return error;
}

struct plait_error *plait_annotation_write(struct plait_view *view, FILE *out)
{
	const struct plait_pane *pane = &view->pane;
	const struct plait_label *label = label_at(view, pane->label);
	struct plait_render_options render = view->render;
	render.full = pane->full;
	bool is_line = label->function != pane->label && label->line > 0;
	struct plait_annotate_target target = { .is_python = pane->frame == PLAIT_NONE, .frame = pane->frame };
	if (target.is_python)
		target.query = query_of(view);
	struct plait_annotate_show show = { .profile = view->profile,
					    .selection = view->selection,
					    .sources = view->sources,
					    .render = &render,
					    .recording = view->recording,
					    .target = &target,
					    .mark = is_line ? label->line : 0 };
	return plait_annotate_show(&show, out);
}
