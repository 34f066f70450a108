-- The database of `plait export --format sqlite`. docs/sqlite.md says what is in it; a change that breaks queries raises
-- user_version.
PRAGMA user_version = 1;

CREATE TABLE recording (
  command TEXT, host TEXT, kernel TEXT, architecture TEXT, cpus INTEGER, engine TEXT, plait_version TEXT,
  started TEXT, started_unix_ns INTEGER, seconds REAL, cut INTEGER, throttled INTEGER,
  samples INTEGER, complete INTEGER, gap INTEGER, truncated INTEGER, unmerged INTEGER, unresolved INTEGER,
  derived INTEGER, checked INTEGER, no_stack INTEGER, lost INTEGER);
CREATE TABLE notes (text TEXT);
CREATE TABLE events (
  id INTEGER PRIMARY KEY, name TEXT, unit TEXT, frequency INTEGER, period INTEGER, counting INTEGER,
  leader INTEGER REFERENCES events, counted INTEGER, enabled_ns INTEGER, running_ns INTEGER, note TEXT);
CREATE TABLE processes (
  id INTEGER PRIMARY KEY, pid INTEGER, parent INTEGER REFERENCES processes, name TEXT, command TEXT, python TEXT);
CREATE TABLE threads (id INTEGER PRIMARY KEY, process INTEGER REFERENCES processes, tid INTEGER, name TEXT);
CREATE TABLE modules (id INTEGER PRIMARY KEY, name TEXT, path TEXT, build_id TEXT, size INTEGER);
CREATE TABLE functions (
  id INTEGER PRIMARY KEY, kind TEXT, name TEXT, file TEXT, line INTEGER, module TEXT, package TEXT,
  machinery INTEGER, unresolved INTEGER);
CREATE TABLE frames (id INTEGER PRIMARY KEY, function INTEGER REFERENCES functions, line INTEGER, text TEXT);
CREATE TABLE stacks (
  id INTEGER PRIMARY KEY, parent INTEGER REFERENCES stacks, last INTEGER REFERENCES stacks, depth INTEGER,
  frame INTEGER REFERENCES frames, python INTEGER REFERENCES stacks,
  function_again INTEGER, frame_again INTEGER);
CREATE INDEX stacks_by_parent ON stacks (parent);
CREATE TABLE qualities (
  id INTEGER PRIMARY KEY, words TEXT, complete INTEGER, checked INTEGER, derived INTEGER, gap INTEGER,
  truncated INTEGER, unmerged INTEGER, unresolved INTEGER, no_stack INTEGER);
CREATE TABLE samples (
  id INTEGER PRIMARY KEY, time_ns INTEGER, event INTEGER REFERENCES events, thread INTEGER REFERENCES threads,
  stack INTEGER REFERENCES stacks, weight INTEGER, quality INTEGER REFERENCES qualities);

-- Cost of each stack that has any, by event: own, and with all that it calls. The sum over `samples`, kept for speed.
CREATE TABLE stack_costs (
  event INTEGER REFERENCES events, stack INTEGER REFERENCES stacks, self INTEGER, self_samples INTEGER, total INTEGER,
  total_samples INTEGER, PRIMARY KEY (event, stack)) WITHOUT ROWID;

-- Each sample in words.
CREATE VIEW sample_list AS
SELECT samples.id AS sample, samples.time_ns / 1e9 AS seconds, events.name AS event, processes.pid AS pid,
       processes.name AS process, threads.tid AS tid, threads.name AS thread, functions.name AS function,
       functions.kind AS kind, functions.module AS module, python_functions.name AS python_function,
       python_functions.file AS python_file, python_frames.line AS python_line, samples.stack AS stack,
       samples.weight AS weight, qualities.words AS quality
FROM samples
JOIN events ON events.id = samples.event
JOIN threads ON threads.id = samples.thread
JOIN processes ON processes.id = threads.process
JOIN qualities ON qualities.id = samples.quality
JOIN stacks ON stacks.id = samples.stack
JOIN frames ON frames.id = stacks.frame
JOIN functions ON functions.id = frames.function
LEFT JOIN stacks AS python_stacks ON python_stacks.id = stacks.python
LEFT JOIN frames AS python_frames ON python_frames.id = python_stacks.frame
LEFT JOIN functions AS python_functions ON python_functions.id = python_frames.function;

-- Each stack as one text, outermost frame first.
CREATE VIEW stack_texts AS
WITH RECURSIVE texts (stack, text) AS (
  SELECT stacks.id, frames.text FROM stacks JOIN frames ON frames.id = stacks.frame WHERE stacks.parent IS NULL
  UNION ALL
  SELECT stacks.id, texts.text || ';' || frames.text
  FROM texts JOIN stacks ON stacks.parent = texts.stack JOIN frames ON frames.id = stacks.frame)
SELECT stack, text FROM texts;

-- Cost of each function, by event; what calls itself counts once in its total.
CREATE VIEW function_costs AS
SELECT events.name AS event, functions.kind AS kind, functions.name AS function, functions.file AS file,
       functions.line AS line, functions.module AS module, sum(self) AS self, sum(self_samples) AS self_samples,
       sum(total * (1 - function_again)) AS total, sum(total_samples * (1 - function_again)) AS total_samples,
       functions.id AS id
FROM stack_costs
JOIN events ON events.id = stack_costs.event
JOIN stacks ON stacks.id = stack_costs.stack
JOIN frames ON frames.id = stacks.frame
JOIN functions ON functions.id = frames.function
GROUP BY stack_costs.event, functions.id;

-- Cost of each Python line, by event. Own: samples whose innermost Python frame it is, whatever native code it ran.
CREATE VIEW line_costs AS
WITH parts AS (
  SELECT event, inner.frame AS frame, self, self_samples, 0 AS total, 0 AS total_samples
  FROM stack_costs JOIN stacks ON stacks.id = stack_costs.stack JOIN stacks AS inner ON inner.id = stacks.python
  UNION ALL
  SELECT event, frame, 0, 0, total, total_samples
  FROM stack_costs JOIN stacks ON stacks.id = stack_costs.stack
  WHERE stacks.python = stacks.id AND NOT frame_again)
SELECT events.name AS event, functions.file AS file, frames.line AS line, functions.name AS function,
       sum(self) AS self, sum(self_samples) AS self_samples, sum(total) AS total, sum(total_samples) AS total_samples,
       frames.id AS frame
FROM parts
JOIN events ON events.id = parts.event
JOIN frames ON frames.id = parts.frame
JOIN functions ON functions.id = frames.function
GROUP BY parts.event, frames.id;
