#include "output/render/line.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "output/model/utf8.h"
#include "output/render/width.h"

/* What is shown for one character of a text. */
struct glyph {
	char text[16];
	uint32_t columns;
};

static void escape(struct glyph *glyph, const char *format, uint32_t value)
{
	int size = snprintf(glyph->text, sizeof(glyph->text), format, value);
	glyph->columns = (uint32_t)size;
}

/* The next character of `text` (not at its end); returns the bytes that it took. */
static size_t next_glyph(const char *text, bool ascii, struct glyph *ret)
{
	uint32_t point;
	size_t length = plait_utf8_decode(text, &point);
	if (!length) {
		escape(ret, "\\x%02" PRIx32, (uint8_t)*text);
		return 1;
	}
	if (plait_utf8_is_control(point) || (ascii && point >= 0x80)) {
		escape(ret, point < 0x100 ? "\\x%02" PRIx32 : "\\u%04" PRIx32, point);
		return length;
	}
	memcpy(ret->text, text, length);
	ret->text[length] = '\0';
	ret->columns = plait_width_of(point);
	return length;
}

uint32_t plait_text_width(const char *text, bool ascii)
{
	uint32_t columns = 0;
	while (*text && columns < UINT32_MAX / 2) {
		struct glyph glyph;
		text += next_glyph(text, ascii, &glyph);
		columns += glyph.columns;
	}
	return columns;
}

static void style_begin(struct plait_line *line, enum plait_style style)
{
	/* SGR: green, cyan and magenta tell the kinds apart, on dark and on light terminals */
	static const char *const codes[] = {
		[PLAIT_STYLE_PLAIN] = "",    [PLAIT_STYLE_PYTHON] = "32", [PLAIT_STYLE_NATIVE] = "36",
		[PLAIT_STYLE_KERNEL] = "35", [PLAIT_STYLE_MARKER] = "33", [PLAIT_STYLE_DIM] = "2",
		[PLAIT_STYLE_STRONG] = "1",
	};
	if (line->options->color && style != PLAIT_STYLE_PLAIN)
		fprintf(line->out, "\033[%sm", codes[style]);
}

static void style_end(struct plait_line *line, enum plait_style style)
{
	if (line->options->color && style != PLAIT_STYLE_PLAIN)
		fputs("\033[0m", line->out);
}

static void write_spaces(struct plait_line *line)
{
	fprintf(line->out, "%*s", (int)line->spaces, "");
	line->spaces = 0;
}

uint32_t plait_line_left(const struct plait_line *line)
{
	uint32_t columns = line->options->columns;
	if (!columns)
		return UINT32_MAX;
	return line->column < columns ? columns - line->column : 0;
}

/* Writes as many characters of `text` as fit in `room` columns; returns the columns used. */
static uint32_t write_glyphs(struct plait_line *line, const char *text, uint32_t room)
{
	bool ascii = line->options->ascii;
	uint32_t used = 0;
	while (*text) {
		struct glyph glyph;
		size_t length = next_glyph(text, ascii, &glyph);
		if (glyph.columns > room - used)
			break;
		fputs(glyph.text, line->out);
		used += glyph.columns;
		text += length;
	}
	return used;
}

void plait_line_put(struct plait_line *line, enum plait_style style, const char *text, uint32_t max)
{
	uint32_t left = plait_line_left(line);
	uint32_t room = max < left ? max : left;
	if (!*text || !room)
		return;
	write_spaces(line);
	style_begin(line, style);
	uint32_t width = plait_text_width(text, line->options->ascii);
	if (width <= room) {
		line->column += write_glyphs(line, text, room);
	} else {
		const char *ellipsis = line->options->ascii ? "..." : "…";
		uint32_t dots = line->options->ascii ? 3 : 1;
		uint32_t used = write_glyphs(line, text, room > dots ? room - dots : 0);
		if (room >= dots) {
			fputs(ellipsis, line->out);
			used += dots;
		}
		line->column += used;
	}
	style_end(line, style);
}

void plait_line_put_tail(struct plait_line *line, enum plait_style style, const char *text, uint32_t max)
{
	bool ascii = line->options->ascii;
	uint32_t left = plait_line_left(line), room = max < left ? max : left;
	uint32_t width = plait_text_width(text, ascii), dots = ascii ? 3 : 1;
	if (width <= room || room <= dots) {
		plait_line_put(line, style, text, max);
		return;
	}
	while (width > room - dots) {
		struct glyph glyph;
		text += next_glyph(text, ascii, &glyph);
		width -= glyph.columns;
	}
	plait_line_put(line, style, ascii ? "..." : "…", dots);
	plait_line_put(line, style, text, width);
}

void plait_line_format(struct plait_line *line, enum plait_style style, const char *format, ...)
{
	char text[256];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	plait_line_put(line, style, text, UINT32_MAX);
}

void plait_line_move(struct plait_line *line, uint32_t column)
{
	uint32_t to = column > line->column ? column : line->column + (line->column > 0);
	line->spaces += to - line->column;
	line->column = to;
}

void plait_line_item(struct plait_line *line, enum plait_style style, const char *text, uint32_t gap, uint32_t indent)
{
	uint32_t width = plait_text_width(text, line->options->ascii);
	bool first = line->column <= indent;
	if (!first && (plait_line_left(line) < gap || plait_line_left(line) - gap < width)) {
		plait_line_end(line);
		plait_line_move(line, indent);
		first = true;
	}
	if (!first)
		plait_line_move(line, line->column + gap);
	plait_line_put(line, style, text, UINT32_MAX);
}

void plait_line_end(struct plait_line *line)
{
	fputc('\n', line->out);
	line->column = line->spaces = 0;
}
