#include "cli/doctor/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

bool plait_findings_add(struct plait_findings *findings, const char *area, const char *name,
			enum plait_finding_state state, const char *text, const char *remedy)
{
	struct plait_finding finding = { .area = area,
					 .name = strdup(name),
					 .state = state,
					 .text = strdup(text),
					 .remedy = remedy ? strdup(remedy) : NULL };
	if (finding.name && finding.text && (finding.remedy || !remedy) && plait_vec_push(&findings->all, finding))
		return true;
	free(finding.name);
	free(finding.text);
	free(finding.remedy);
	return false;
}

bool plait_findings_tell(struct plait_findings *findings, const char *area, const char *name,
			 enum plait_finding_state state, const char *format, ...)
{
	char *text PLAIT_FREE = NULL;
	va_list arguments;
	va_start(arguments, format);
	int size = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (size < 0) {
		text = NULL;
		return false;
	}
	return plait_findings_add(findings, area, name, state, text, NULL);
}

bool plait_findings_fail(struct plait_findings *findings, const char *area, const char *name, struct plait_error *error)
{
	bool added = plait_findings_add(findings, area, name, PLAIT_FINDING_FAILS, error->message, error->advice);
	plait_error_free(error);
	return added;
}

void plait_findings_release(struct plait_findings *findings)
{
	for (size_t i = 0; i < findings->all.count; i++) {
		free(findings->all.data[i].name);
		free(findings->all.data[i].text);
		free(findings->all.data[i].remedy);
	}
	plait_vec_free(&findings->all);
}
