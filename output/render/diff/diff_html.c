/* One page that needs nothing else: the program of diff_page.html, and between its halves the document of
 * plait_diff_json(), compressed, with the stacks of both sides. */
#include "diff_page.inc"
#include "output/render/diff/diff.h"
#include "output/render/export/gzip.h"
#include "output/render/html/base64.h"
#include "output/render/text_header.h"

struct plait_error *plait_diff_html(const struct plait_diff *diff, FILE *out)
{
	fwrite(page_head, 1, sizeof(page_head), out);
	fputs("<script type=\"text/plain\" id=\"plait-diff\">\n", out);
	FILE *text = plait_base64_open(out);
	FILE *packed = text ? plait_gzip_open(text) : NULL;
	if (packed)
		plait_diff_document(diff, true, packed);
	int failed = packed ? fclose(packed) : 0;
	failed |= text ? fclose(text) : 0;
	if (!packed)
		return plait_error_no_memory();
	fputs("\n</script>\n", out);
	fwrite(page_tail, 1, sizeof(page_tail), out);
	struct plait_error *error = plait_stream_error(out);
	return error || !failed ? error : plait_error_new(PLAIT_ERROR_SYSTEM, "cannot write the page");
}
