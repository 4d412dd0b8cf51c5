#!/usr/bin/env node
import { main } from '../src/doors/cli/main.ts';

await main(process.argv);
