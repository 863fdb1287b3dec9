#!/usr/bin/env bun
import { runCli } from "./program.ts";

// Workers and sockets a command left open must not keep the process alive.
process.exit(await runCli(process.argv.slice(2)));
