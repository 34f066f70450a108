/*
 * Parts that more than one JSON document has: docs/formats.md describes them.
 */
#ifndef PLAIT_OUTPUT_RENDER_JSON_DOCUMENT_H
#define PLAIT_OUTPUT_RENDER_JSON_DOCUMENT_H

#include "output/model/profile.h"
#include "output/render/json_writer.h"

/* The member "recording", with events, processes, threads and notes in it. */
void plait_json_recording(struct plait_json *json, const struct plait_profile *profile);

/* A member with trust figures; `lost`: with the number of lost samples. */
void plait_json_trust(struct plait_json *json, const char *key, const struct plait_trust *trust, bool lost);

/* UTC, ISO 8601: "2026-11-23T22:37:30.123Z". False: there is no such time; `ret` is untouched. */
bool plait_started_text(uint64_t unix_ns, char *ret, size_t size);

#endif
