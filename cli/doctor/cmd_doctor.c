/* plait doctor: what this host allows, and what to do about the rest. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/doctor/finding.h"
#include "cli/pids.h"
#include "cli/terminal.h"
#include "output/render/json_writer.h"
#include "output/render/line.h"

enum { NAME_AT = 10, TEXT_AT = 40, NARROW = 60 };

struct doctor_options {
	struct plait_option_list pids;
	bool json;
	const char *color;
};

static const struct plait_option options[] = {
	PLAIT_OPTION(struct doctor_options, pids, "pid", 'p', PLAIT_OPTION_LIST, "PID",
		     "look at this process, too: may it be attached to, what Python runs in it"),
	PLAIT_OPTION(struct doctor_options, json, "json", 0, PLAIT_OPTION_FLAG, NULL, "write JSON"),
	PLAIT_OPTION_CHOICE(struct doctor_options, color, "color", 0, "WHEN", "auto always never",
			    "auto, always or never"),
	PLAIT_OPTION_END,
};

static const char *const states[] = { [PLAIT_FINDING_FACT] = "",
				      [PLAIT_FINDING_WORKS] = "works",
				      [PLAIT_FINDING_LIMITED] = "limited",
				      [PLAIT_FINDING_FAILS] = "fails" };

/* Writes words from TEXT_AT on, as many lines as they need. */
static void put_words(struct plait_line *line, enum plait_style style, const char *text)
{
	char word[512];
	for (bool first = true; *text; first = false) {
		size_t size = strcspn(text, " ");
		snprintf(word, sizeof(word), "%.*s", (int)size, text);
		plait_line_item(line, style, word, first ? 0 : 1, TEXT_AT);
		text += size;
		text += strspn(text, " ");
	}
	plait_line_end(line);
}

static void put_text(const struct plait_findings *findings, const struct plait_render_options *render, FILE *out)
{
	struct plait_line line = { .out = out, .options = render };
	const char *area = "";
	for (size_t i = 0; i < findings->all.count; i++) {
		const struct plait_finding *finding = &findings->all.data[i];
		if (i && strcmp(area, finding->area) != 0)
			plait_line_end(&line);
		if (strcmp(area, finding->area) != 0)
			plait_line_put(&line, PLAIT_STYLE_STRONG, finding->area, UINT32_MAX);
		area = finding->area;
		plait_line_move(&line, NAME_AT);
		plait_line_put(&line, PLAIT_STYLE_PLAIN, finding->name, UINT32_MAX);
		plait_line_move(&line, TEXT_AT - 9);
		plait_line_put(&line, finding->state == PLAIT_FINDING_WORKS ? PLAIT_STYLE_PYTHON : PLAIT_STYLE_MARKER,
			       states[finding->state], UINT32_MAX);
		plait_line_move(&line, TEXT_AT);
		put_words(&line, PLAIT_STYLE_PLAIN, finding->text);
		bool again =
			i && finding->remedy && finding[-1].remedy && strcmp(finding[-1].remedy, finding->remedy) == 0;
		if (!finding->remedy || again) /* said once */
			continue;
		plait_line_move(&line, TEXT_AT - 3);
		plait_line_put(&line, PLAIT_STYLE_DIM, "->", UINT32_MAX);
		plait_line_move(&line, TEXT_AT);
		put_words(&line, PLAIT_STYLE_DIM, finding->remedy);
	}
}

static void put_json(const struct plait_findings *findings, bool can_record, FILE *out)
{
	struct plait_json json = { .out = out };
	plait_json_open(&json, NULL, '{');
	plait_json_string(&json, "format", "plait-doctor");
	plait_json_number(&json, "version", 1);
	plait_json_bool(&json, "can_record", can_record);
	plait_json_open(&json, "findings", '[');
	for (size_t i = 0; i < findings->all.count; i++) {
		const struct plait_finding *finding = &findings->all.data[i];
		plait_json_open(&json, NULL, '{');
		plait_json_string(&json, "area", finding->area);
		plait_json_string(&json, "name", finding->name);
		plait_json_string(&json, "state", *states[finding->state] ? states[finding->state] : "fact");
		plait_json_string(&json, "text", finding->text);
		if (finding->remedy)
			plait_json_string(&json, "remedy", finding->remedy);
		plait_json_close(&json, '}');
	}
	plait_json_close(&json, ']');
	plait_json_close(&json, '}');
	fputc('\n', out);
}

/* Whether an engine works, and each process that was asked for can be attached to. */
static bool is_well(const struct plait_findings *findings)
{
	bool engine = false, processes = true;
	for (size_t i = 0; i < findings->all.count; i++) {
		const struct plait_finding *finding = &findings->all.data[i];
		engine = engine || (strcmp(finding->area, "engine") == 0 && finding->state != PLAIT_FINDING_FAILS);
		processes =
			processes && (strcmp(finding->area, "process") != 0 || finding->state != PLAIT_FINDING_FAILS);
	}
	return engine && processes;
}

static struct plait_error *examine(const struct plait_number_list *pids, struct plait_findings *findings)
{
	PLAIT_TRY(plait_doctor_host(findings));
	PLAIT_TRY(plait_doctor_engines(findings));
	PLAIT_TRY(plait_doctor_events(findings));
	PLAIT_TRY(plait_doctor_symbols(findings));
	for (size_t i = 0; i < pids->numbers.count; i++)
		PLAIT_TRY(plait_doctor_process(findings, pids->numbers.data[i]));
	return NULL;
}

static struct plait_error *doctor(const struct doctor_options *values, bool *ret_well)
{
	struct plait_number_list pids = { 0 };
	struct plait_findings findings = { 0 };
	struct plait_render_options render = { .columns = plait_terminal_columns(STDOUT_FILENO),
					       .ascii = plait_terminal_is_ascii() };
	if (render.columns && render.columns < NARROW)
		render.columns = NARROW;
	struct plait_error *error = plait_terminal_color(values->color, STDOUT_FILENO, &render.color);
	if (!error)
		error = plait_pids_parse(&values->pids, &pids);
	if (!error)
		error = examine(&pids, &findings);
	*ret_well = is_well(&findings);
	if (!error && values->json)
		put_json(&findings, *ret_well, stdout);
	else if (!error)
		put_text(&findings, &render, stdout);
	plait_findings_release(&findings);
	plait_vec_free(&pids.numbers);
	return error;
}

static int run(const struct plait_command *command, int argc, char **argv)
{
	struct doctor_options values = { 0 };
	int first, status = PLAIT_EXIT_OK;
	bool help, well = true;
	struct plait_error *error = plait_options_parse(command, argc, argv, &values, false, &first, &help);
	if (!error && help) {
		plait_options_print_help(command);
	} else {
		if (!error && first < argc)
			error = plait_error_advise(
				plait_error_new(PLAIT_ERROR_USAGE, "doctor takes no '%s'", argv[first]),
				"a process is named by -p PID");
		if (!error)
			error = doctor(&values, &well);
		status = error ? plait_fail(error) : well ? PLAIT_EXIT_OK : PLAIT_EXIT_FAILURE;
	}
	plait_option_list_release(&values.pids);
	return status;
}

const struct plait_command plait_command_doctor = {
	.name = "doctor",
	.synopsis = "[OPTION...]",
	.summary = "try what this host allows, and say what mends the rest",
	.details = "Records a child, opens each kind of event, looks for symbols. Exit status 0: recording works (and "
		   "the\n"
		   "processes of -p can be attached to); 1: it does not.\n",
	.options = options,
	.run = run,
};
