#include "output/render/text_label.h"

#include <inttypes.h>
#include <string.h>

/* The end of a path that says enough: the base name, with its folder for "__init__.py" and "__main__.py". */
static const char *short_path(const char *path)
{
	const char *base = strrchr(path, '/');
	if (!base)
		return path;
	if (strncmp(base + 1, "__init__.", 9) != 0 && strncmp(base + 1, "__main__.", 9) != 0)
		return base + 1;
	const char *folder = base;
	while (folder > path && folder[-1] != '/')
		folder--;
	return folder;
}

const char *plait_label_place(const struct plait_label *label, char ret[PLAIT_PLACE_SIZE])
{
	switch (label->kind) {
	case PLAIT_LABEL_PYTHON:
		if (label->line > 0)
			snprintf(ret, PLAIT_PLACE_SIZE, "%s:%" PRId32, short_path(label->file), label->line);
		else
			snprintf(ret, PLAIT_PLACE_SIZE, "%s", short_path(label->file));
		return ret;
	case PLAIT_LABEL_NATIVE:
		snprintf(ret, PLAIT_PLACE_SIZE, "[%s]", label->package);
		return ret;
	case PLAIT_LABEL_KERNEL:
		return "[kernel]";
	case PLAIT_LABEL_PROCESS:
		return "[process]";
	case PLAIT_LABEL_THREAD:
		return "[thread]";
	case PLAIT_LABEL_MARKER:
		break;
	}
	return "";
}

void plait_label_put_place(struct plait_line *line, const struct plait_label *label, uint32_t max)
{
	char place[PLAIT_PLACE_SIZE];
	const char *text = plait_label_place(label, place);
	if (label->kind == PLAIT_LABEL_PYTHON)
		plait_line_put_tail(line, PLAIT_STYLE_PLAIN, text, max);
	else
		plait_line_put(line, PLAIT_STYLE_PLAIN, text, max);
}

enum plait_style plait_label_style(const struct plait_label *label)
{
	switch (label->kind) {
	case PLAIT_LABEL_PYTHON:
		return PLAIT_STYLE_PYTHON;
	case PLAIT_LABEL_NATIVE:
		return PLAIT_STYLE_NATIVE;
	case PLAIT_LABEL_KERNEL:
		return PLAIT_STYLE_KERNEL;
	case PLAIT_LABEL_MARKER:
		return PLAIT_STYLE_MARKER;
	case PLAIT_LABEL_PROCESS:
	case PLAIT_LABEL_THREAD:
		break;
	}
	return PLAIT_STYLE_STRONG;
}

const char *plait_label_source(const struct plait_label *label, const struct plait_render_options *options)
{
	if (label->kind != PLAIT_LABEL_PYTHON || label->line <= 0 || !options->source_line)
		return NULL;
	const char *text = options->source_line(options->source_context, label->file, label->line);
	if (text)
		text += strspn(text, " \t\f");
	return text && *text ? text : NULL;
}
