#include "output/render/diff/diff.h"
#include "output/render/text_header.h"

struct plait_error *plait_diff_html(const struct plait_diff *diff, FILE *out)
{
	plait_diff_document(diff, true, out);
	return plait_stream_error(out);
}
