#include "output/recording/check.h"

static bool frame_is_valid(const uint32_t *counts, const struct plait_record_frame *frame)
{
	switch (frame->kind) {
	case PLAIT_FRAME_NATIVE:
		if (frame->module != PLAIT_NONE)
			return frame->module < counts[PLAIT_RECORD_MODULE];
		return frame->process == PLAIT_NONE || frame->process < counts[PLAIT_RECORD_PROCESS];
	case PLAIT_FRAME_PYTHON:
		return frame->code < counts[PLAIT_RECORD_CODE];
	case PLAIT_FRAME_KERNEL:
	case PLAIT_FRAME_GAP:
	case PLAIT_FRAME_TRUNCATED:
	case PLAIT_FRAME_UNMERGED:
		return true;
	}
	return false;
}

static bool details_are_valid(const uint32_t *counts, const struct plait_record_sample *sample)
{
	if (sample->read_count > PLAIT_READS_MAX || sample->details > PLAIT_DETAILS_ALL)
		return false;
	for (uint32_t i = 0; i < sample->read_count; i++) {
		if (sample->reads[i].event >= counts[PLAIT_RECORD_EVENT])
			return false;
	}
	return true;
}

/* Offsets ascend. */
static bool lines_are_valid(const struct plait_record_function *function)
{
	for (uint32_t i = 1; i < function->line_count; i++) {
		if (function->lines[i].offset < function->lines[i - 1].offset)
			return false;
	}
	return function->line_count <= PLAIT_FUNCTION_LINES_MAX;
}

bool plait_record_is_valid(const uint32_t counts[PLAIT_SECTION_KINDS], const struct plait_record *record)
{
	switch (record->kind) {
	case PLAIT_RECORD_PROCESS:
		return record->process.parent == PLAIT_NONE || record->process.parent < counts[PLAIT_RECORD_PROCESS];
	case PLAIT_RECORD_THREAD:
		return record->thread.process < counts[PLAIT_RECORD_PROCESS];
	case PLAIT_RECORD_THREAD_NAME:
		return record->thread_name.thread < counts[PLAIT_RECORD_THREAD];
	case PLAIT_RECORD_MODULE:
		return record->module.build_id.size <= PLAIT_BUILD_ID_MAX;
	case PLAIT_RECORD_FRAME:
		return frame_is_valid(counts, &record->frame);
	case PLAIT_RECORD_NODE:
		return record->node.frame < counts[PLAIT_RECORD_FRAME] &&
		       (record->node.parent == PLAIT_NONE || record->node.parent < counts[PLAIT_RECORD_NODE]);
	case PLAIT_RECORD_SAMPLE:
		return record->sample.thread < counts[PLAIT_RECORD_THREAD] &&
		       record->sample.event < counts[PLAIT_RECORD_EVENT] &&
		       (record->sample.node == PLAIT_NONE || record->sample.node < counts[PLAIT_RECORD_NODE]) &&
		       details_are_valid(counts, &record->sample);
	case PLAIT_RECORD_SYMBOL:
		return record->symbol.frame < counts[PLAIT_RECORD_FRAME] &&
		       record->symbol.count <= PLAIT_SYMBOL_FUNCTIONS_MAX;
	case PLAIT_RECORD_EVENT:
	case PLAIT_RECORD_CODE:
	case PLAIT_RECORD_LOST:
	case PLAIT_RECORD_NOTE:
		return true;
	case PLAIT_RECORD_HEADER: /* written by create */
	case PLAIT_RECORD_END:	  /* written by finish */
		return false;
	case PLAIT_RECORD_EVENT_TRAITS:
		return record->event_traits.event < counts[PLAIT_RECORD_EVENT] && record->event_traits.precise <= 3 &&
		       (record->event_traits.leader == PLAIT_NONE ||
			record->event_traits.leader < counts[PLAIT_RECORD_EVENT]);
	case PLAIT_RECORD_COUNT:
		return record->count.event < counts[PLAIT_RECORD_EVENT];
	case PLAIT_RECORD_SOURCE:
		return !record->source.content || record->source.size <= PLAIT_SOURCE_MAX;
	case PLAIT_RECORD_FUNCTION:
		return record->function.module < counts[PLAIT_RECORD_MODULE] &&
		       record->function.code_size <= PLAIT_FUNCTION_CODE_MAX && lines_are_valid(&record->function);
	}
	return false;
}
