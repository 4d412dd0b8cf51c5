/** The tests of damage once more, on encrypted stores. */
import { encryption } from '../fixtures/memory-keys.ts';

encryption.isOn = true;
await import('./damage.test.ts');
