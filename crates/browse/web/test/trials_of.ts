/** A small table of trials for the tests: 2 sessions of 4 trials, 5 images. */

import { Trials } from '../src/trials'

export function trials(): Trials {
  return new Trials({
    rows: 8,
    session: [0, 0, 0, 0, 1, 1, 1, 1],
    sessions: ['ses-01', 'ses-12'],
    trial: [0, 1, 2, 3, 0, 1, 2, 3],
    run: [1, 1, 2, 2, 1, 1, 2, 2],
    repetition: [0, 0, 1, 0, 0, 2, 1, 0],
    image: [0, 1, 0, 2, 3, 0, 1, 4],
    images: ['shared_a.jpg', 'shared_b.jpg', 'unique_c.jpg', 'unique_d.jpg', 'unique_e.jpg'],
    shared: [true, true, true, false, false, true, true, false],
    dataset: [0, 1, 0, 0, 1, 0, 1, 0],
    datasets: ['NSD', 'THINGS'],
    nouns: ['dog', 'cat', 'hot dog'],
    image_nouns: [[0], [1], [0, 1], [], [2]],
    captions: ['A dog at a Window', null, 'two dogs', 'a red car', 'lunch'],
  })
}
