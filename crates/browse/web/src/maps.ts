/** What can be shown above the anatomy, and where it comes from. */

import { type MapInfo, ofSubject, type Subject } from './api'
import { counted } from './numbers'
import type { Trials } from './trials'
import type { View } from './view'

/** Where the values of a map come from, and how they are named and drawn. */
export interface Source {
  /** The same key is the same values. */
  key: string
  path: string
  /** What the values are, for the title. */
  what: string
  unit: string
  diverging: boolean
  /** Whether it is made of betas, whose first read may take long. */
  isOfBetas: boolean
}

/** The maps of a chosen trial. */
export const TRIAL_MAPS = [
  ['beta', 'Beta of the trial'],
  ['zscore', 'Beta, z-scored within its session'],
  ['mean', 'Mean beta over repeats of the image'],
  ['mean-zscore', 'Mean z-score over repeats of the image'],
] as const

export function isTrialMap(show: string): boolean {
  return TRIAL_MAPS.some(([id]) => id === show)
}

/** Whether a map is about all trials of an image. */
export function isMean(show: string): boolean {
  return show === 'mean' || show === 'mean-zscore'
}

/** How the server is asked for the numbers of a trial map. */
export function kindOf(show: string): 'beta' | 'zscore' {
  return show === 'zscore' || show === 'mean-zscore' ? 'zscore' : 'beta'
}

/** What is shown when nothing was chosen: a map of the subject, or else its first trial. */
export function firstChoice(subject: Subject): Partial<View> {
  const [map] = subject.maps
  if (map) return { show: `map:${map.id}` }
  const session = subject.sessions.find(({ betas, trials }) => betas && trials > 0)
  return session ? { show: 'beta', session: session.id, trial: 0 } : {}
}

/** The source of what a view shows; a sentence when there is none. */
export function sourceOf(view: View, subject: Subject, trials: Trials | null): Source | string {
  if (view.show.startsWith('map:')) {
    const map = subject.maps.find((known) => `map:${known.id}` === view.show)
    return map ? ofMap(map, subject) : `${subject.id} has no map ${view.show.slice(4)}.`
  }
  if (!isTrialMap(view.show)) return 'Choose what to show.'
  if (view.session === '' || view.trial < 0) return 'Choose a trial on the left to see its betas.'
  const trial = `${view.session}, trial ${view.trial}`
  const kind = kindOf(view.show)
  const isZ = kind === 'zscore'
  const unit = isZ ? 'SD' : ''
  if (!isMean(view.show)) {
    return {
      key: `${subject.id} ${view.session} ${view.trial} ${view.show}`,
      path: ofSubject(subject.id, `/betas/${encodeURIComponent(view.session)}/${view.trial}.nii?kind=${kind}`),
      what: isZ ? `z-scored beta, ${trial}` : `beta, ${trial}`,
      unit,
      diverging: true,
      isOfBetas: true,
    }
  }
  const row = trials?.find(view.session, view.trial) ?? -1
  if (!trials) return 'The trials are being read.'
  if (row < 0) return `${subject.id} has no ${trial}.`
  const image = trials.imageOf(row)
  return {
    key: `${subject.id} ${view.show} ${image}`,
    path: ofSubject(subject.id, `/mean/${encodeURIComponent(image)}.nii?kind=${kind}`),
    what: `mean ${isZ ? 'z-scored beta' : 'beta'} of ${counted(trials.timesShown(trials.image[row]!), 'trial')} with ${image}`,
    unit,
    diverging: true,
    isOfBetas: true,
  }
}

function ofMap(map: MapInfo, subject: Subject): Source {
  return {
    key: `${subject.id} map ${map.id}`,
    path: ofSubject(subject.id, `/maps/${encodeURIComponent(map.id)}.nii`),
    what: map.label,
    unit: map.unit,
    diverging: map.diverging,
    isOfBetas: false,
  }
}
