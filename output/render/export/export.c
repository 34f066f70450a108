#include "output/render/export/export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/render/text_header.h"

const char *plait_export_name(const struct plait_profile *profile, const struct plait_label *label)
{
	if (label->unresolved && label->kind != PLAIT_LABEL_PYTHON)
		return profile->labels.all.data[label->function].text;
	return label->kind == PLAIT_LABEL_PYTHON ? label->name : label->text;
}

bool plait_export_is_libc(const struct plait_label *label)
{
	static const char *const names[] = { "libc", "libpthread", "libm", "ld-linux-x86-64", "ld-linux-aarch64" };
	for (size_t i = 0; label->kind == PLAIT_LABEL_NATIVE && i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(label->package, names[i]) == 0)
			return true;
	}
	return false;
}

void plait_export_lane_name(const struct plait_timeline *timeline, const struct plait_lane *lane, char *ret,
			    size_t size)
{
	const struct plait_profile *profile = timeline->profile;
	const struct plait_record_thread *thread = &profile->threads.data[lane->thread].record;
	const struct plait_record_process *process = &profile->processes.data[thread->process].record;
	snprintf(ret, size, "%s: %s %u/%u", profile->events.data[lane->event].record.name, thread->name, process->pid,
		 thread->tid);
}

uint32_t *plait_export_twins(const struct plait_profile *profile)
{
	uint32_t *twins = calloc(profile->processes.count + 1, sizeof(*twins));
	struct plait_map known = { 0 }; /* pid -> how many had it */
	for (size_t i = 0; twins && i < profile->processes.count; i++) {
		uint32_t pid = profile->processes.data[i].record.pid;
		uint64_t *count = plait_map_get(&known, pid);
		twins[i] = count ? (uint32_t)*count : 0;
		if (!plait_map_put(&known, pid, twins[i] + 1)) {
			free(twins);
			twins = NULL;
		}
	}
	plait_map_release(&known);
	return twins;
}

/* Parents come before their children, so the greater of two different nodes is no ancestor of the other. */
bool plait_steps_between(const struct plait_calltree *tree, uint32_t from, uint32_t to, struct plait_steps *steps)
{
	const struct plait_calltree_node *nodes = tree->nodes.data;
	steps->leave.count = steps->enter.count = 0;
	while (from != to) {
		if (from > to) {
			if (!plait_vec_push(&steps->leave, from))
				return false;
			from = nodes[from].parent;
		} else {
			if (!plait_vec_push(&steps->enter, to))
				return false;
			to = nodes[to].parent;
		}
	}
	for (size_t i = 0, end = steps->enter.count; i + 1 < end; i++, end--) {
		uint32_t swapped = steps->enter.data[i];
		steps->enter.data[i] = steps->enter.data[end - 1];
		steps->enter.data[end - 1] = swapped;
	}
	return true;
}

void plait_steps_release(struct plait_steps *steps)
{
	plait_vec_free(&steps->leave);
	plait_vec_free(&steps->enter);
}

struct plait_error *plait_export_timeline(const struct plait_profile *profile, const struct plait_view_options *view,
					  const struct plait_sample_feed *feed, FILE *out,
					  struct plait_error *(*write)(const struct plait_timeline *timeline,
								       FILE *out))
{
	struct plait_timeline *timeline;
	PLAIT_TRY(plait_timeline_create(profile, view, feed, &timeline));
	struct plait_error *error = write(timeline, out);
	plait_timeline_destroy(timeline);
	return error ? error : plait_stream_error(out);
}
