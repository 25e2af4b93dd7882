/** A small table of trials for the tests: 2 sessions of 4 trials, 5 images. */

import { Trials } from '../src/trials'

export function trials(): Trials {
  return new Trials({
    rows: 8,
    session: [0, 0, 0, 0, 1, 1, 1, 1],
    sessions: ['ses-01', 'ses-12'],
    trial: [0, 1, 2, 3, 0, 1, 2, 3],
    run: [1, 1, 2, 2, 1, 1, 2, 2],
    repetition: [1, 1, 2, 1, 1, 3, 2, 1],
    image: [0, 1, 0, 2, 3, 0, 1, 4],
    images: ['shared_a.jpg', 'shared_b.jpg', 'unique_c.jpg', 'unique_d.jpg', 'unique_e.jpg'],
    shared: [true, true, false, false, false],
    dataset: [0, 1, 0, 1, 0],
    datasets: ['NSD', 'THINGS'],
    noun: [0, 1, 0, -1, 2],
    nouns: ['dog', 'cat', 'hot dog'],
    captions: ['A dog at a Window', null, 'two dogs', 'a red car', 'lunch'],
  })
}
