/** Measurements that start, stop and fill clusters of their own, and so cannot be rows. */
import { measureAtRestCost } from './at-rest-cost.ts';
import { measureCatchUp } from './catch-up.ts';
import { measureCausality } from './causality.ts';
import { growLog, growNodes } from './growth-cluster.ts';
import { growKeys, growSiblings } from './growth-data.ts';
import { growRestarts } from './growth-restarts.ts';
import type { Experiment } from './experiment.ts';
import { measureMemory } from './memory.ts';
import { measureMetricsCost } from './metrics-cost.ts';

/** All experiments, in the order in which they run. */
export const EXPERIMENTS: readonly Experiment[] = [
  {
    name: 'causality',
    about: "causality's share of the CPU of a PUT, by profile",
    isDefault: true,
    run: measureCausality,
  },
  {
    name: 'metrics',
    about: 'the cost of metrics: they are turned off and on again',
    run: measureMetricsCost,
  },
  {
    name: 'at-rest',
    about: 'the cost of encryption at rest: clusters with it and without, in turn',
    run: measureAtRestCost,
  },
  {
    name: 'memory',
    about: 'memory idle and with 1 M keys, and how fast a node starts on them',
    run: measureMemory,
  },
  { name: 'catch-up', about: 'a node that has missed 100 000 writes', run: measureCatchUp },
  { name: 'growth-siblings', about: 'costs with 1, 10 and 100 siblings', run: growSiblings },
  { name: 'growth-nodes', about: 'costs with 3, 5 and 9 nodes on this machine', run: growNodes },
  { name: 'growth-log', about: 'the log while a node is away', run: growLog },
  {
    name: 'growth-restarts',
    about: 'messages, memory and rounds of sync after 1 000 restarts',
    run: growRestarts,
  },
  { name: 'growth-keys', about: 'costs with 10 000, 100 000 and 1 M keys', run: growKeys },
];
