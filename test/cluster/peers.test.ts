/** The connections of a node to its peers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memberIn, PlayedNode } from '../fixtures/played-peers.ts';

test('a member that the network cannot connect to stops neither the node nor other members', () => {
  const node = new PlayedNode();
  const connect = node.network.connect.bind(node.network);
  node.network.connect = (address, onFrame) => {
    if (address.port >= memberIn('up', 'n6').port) throw new Error('Too many open files');
    return connect(address, onFrame);
  };
  const moved = { ...memberIn('up', 'n5'), port: 7055, version: 2 };
  const { changed } = node.members.mergeAll([memberIn('joining', 'n6'), moved]);
  assert.equal(changed, 2);
  assert.equal(node.peers.reach('n6'), 'unreachable');
  assert.equal(node.peer('n5').port, 7055);
  assert.deepEqual(node.log.lines, ['error no connection to a member']);
});

test('a node connects to a member when that member sends a probe, if it could not before', () => {
  const node = new PlayedNode();
  const connect = node.network.connect.bind(node.network);
  node.network.connect = () => {
    throw new Error('Too many open files');
  };
  node.members.merge(memberIn('joining', 'n6'));
  node.network.connect = connect;
  node.peers.connectToSender('n6');
  assert.equal(node.peer('n6').port, memberIn('up', 'n6').port);
});

test('a pause in which the node did not run makes neither peers nor pulls older', () => {
  const { clock, peers } = new PlayedNode();
  const startMs = peers.awakeMs;
  clock.advance(20_000);
  peers.excusePause(19_750);
  assert.equal(peers.awakeMs - startMs, 250);
});
