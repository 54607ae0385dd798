/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The subcommands, each in the file of its name; jobuild(1) describes them. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

struct command;

extern const struct command watch_command, retry_command, repin_command,
    priority_command, jobs_command, slaves_command, locks_command,
    waiting_command, session_command, stage_command;
extern const struct command ci_command, diff_command, runs_command;
extern const struct command new_command, lint_command, show_command,
    graph_command, why_command, rdeps_command, manifest_command, sign_command,
    verify_command, key_command, run_command, submit_command, status_command,
    log_command, cancel_command, artifacts_command, config_command,
    completion_command, parse_command, eval_command;

#endif
