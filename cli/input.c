#include "cli/input.h"

#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "output/recording/reader.h"
#include "symbolize/symbolizer.h"

/* What the namer needs besides the profile. */
struct naming {
	struct plait_symbolizer *symbolizer;
	bool same_kernel; /* the recording was made on this host, since it was started */
};

/* Kernel addresses mean something only on the host that made the recording, until it is restarted. */
static bool is_same_kernel(const struct plait_record_header *header)
{
	struct utsname host;
	struct timespec real, boot;
	uname(&host);
	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	uint64_t started = (uint64_t)(real.tv_sec - boot.tv_sec) * 1000000000u;
	return strcmp(host.nodename, header->host) == 0 && strcmp(host.release, header->kernel) == 0 &&
	       header->started_unix_ns > started;
}

static void name_frame(void *context, const struct plait_profile *profile, const struct plait_record_frame *frame,
		       struct plait_symbols *ret)
{
	struct naming *naming = context;
	struct plait_error *error = NULL;
	if (frame->kind == PLAIT_FRAME_KERNEL && naming->same_kernel) {
		error = plait_symbolize_kernel(naming->symbolizer, frame->address, ret);
	} else if (frame->kind == PLAIT_FRAME_NATIVE && frame->module != PLAIT_NONE) {
		const struct plait_record_module *module = &profile->modules.data[frame->module];
		struct plait_file_reference file = {
			.path = module->path,
			.device = module->device,
			.inode = module->inode,
			.build_id = module->build_id,
		};
		error = plait_symbolize_file(naming->symbolizer, &file, frame->address, ret);
	}
	if (error)
		ret->count = 0; /* the frame is shown without a name */
	plait_error_free(error);
}

static struct plait_error *finish_profile(struct plait_profile *profile)
{
	if (!profile->cut)
		return plait_profile_finish(profile, NULL, NULL); /* its names are in it */
	struct naming naming = { .same_kernel = profile->has_header && is_same_kernel(&profile->header) };
	PLAIT_TRY(plait_symbolizer_create(&(struct plait_symbolizer_options) { 0 }, &naming.symbolizer));
	struct plait_error *error = plait_profile_finish(profile, name_frame, &naming);
	plait_symbolizer_destroy(naming.symbolizer);
	return error;
}

struct plait_error *plait_input_read(const char *path, const char *metric, struct plait_profile **ret,
				     struct plait_error **ret_damage)
{
	struct plait_recording_reader *reader;
	PLAIT_TRY(plait_recording_reader_open(path, &reader));
	struct plait_profile *profile = plait_profile_create();
	if (!profile) {
		plait_recording_reader_destroy(reader);
		return plait_error_no_memory();
	}
	struct plait_error *error = metric ? plait_profile_want_metric(profile, metric) : NULL;
	struct plait_error *damage = error ? NULL : plait_profile_read(profile, reader);
	plait_recording_reader_destroy(reader);
	if (!error)
		error = finish_profile(profile);
	if (error) {
		plait_error_free(damage);
		plait_profile_destroy(profile);
		return error;
	}
	*ret = profile;
	*ret_damage = damage;
	return NULL;
}

struct plait_error *plait_input_feed(void *context, plait_sample_take take, void *taker)
{
	struct plait_recording_reader *reader;
	PLAIT_TRY(plait_recording_reader_open(context, &reader));
	struct plait_error *error = NULL;
	for (bool more = true; !error;) {
		struct plait_record record;
		struct plait_error *damage = plait_recording_reader_next(reader, &record, &more);
		if (damage || !more) {
			plait_error_free(damage);
			break;
		}
		if (record.kind == PLAIT_RECORD_SAMPLE)
			error = take(taker, &record.sample);
	}
	plait_recording_reader_destroy(reader);
	return error;
}
