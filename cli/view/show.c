#include "cli/view/show.h"

#include <stdlib.h>
#include <unistd.h>

#include "cli/input.h"
#include "cli/terminal.h"
#include "cli/view/screen.h"
#include "cli/view_options.h"

static struct plait_error *show_frame(struct plait_view *view)
{
	char *text = NULL;
	size_t size;
	uint32_t rows, columns;
	struct plait_view_frame frame;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return plait_error_no_memory();
	plait_screen_size(&rows, &columns);
	struct plait_error *error = plait_view_draw(view, rows, columns, out, &frame);
	if (fclose(out) != 0 && !error)
		error = plait_error_no_memory();
	if (!error)
		plait_screen_show(text, &frame);
	free(text);
	return error;
}

static struct plait_error *run(struct plait_view *view)
{
	bool quit = false, resized;
	uint32_t key;
	while (!quit) {
		PLAIT_TRY(show_frame(view));
		if (!plait_screen_read(&key, &resized))
			break;
		if (!resized)
			PLAIT_TRY(plait_view_key(view, key, &quit));
	}
	return NULL;
}

static struct plait_error *show(const struct plait_view_setup *setup, bool color)
{
	struct plait_view *view;
	PLAIT_TRY(plait_view_create(setup, &view));
	struct plait_error *error = plait_screen_open(color);
	if (!error) {
		error = run(view);
		plait_screen_close();
	}
	plait_view_destroy(view);
	return error;
}

struct plait_error *plait_view_show_file(struct plait_view_setup *setup, const char *metric, const char *color,
					 bool *ret_damaged)
{
	bool colors;
	struct plait_profile *profile;
	struct plait_error *damage;
	PLAIT_TRY(plait_terminal_color(color, STDOUT_FILENO, &colors));
	PLAIT_TRY(plait_screen_check());
	PLAIT_TRY(plait_input_read(setup->recording, metric, &profile, &damage));
	setup->profile = profile;
	setup->damage = damage ? damage->message : NULL;
	plait_view_choose_event(profile, &setup->options);
	struct plait_error *error = show(setup, colors);
	plait_profile_destroy(profile);
	plait_view_tell_damage(damage, "what was shown is what came before the damage", ret_damaged);
	plait_screen_die();
	return error;
}
