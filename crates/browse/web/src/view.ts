/** What the page shows, and the same as an address: a link reproduces the view. */

import type { Ijk } from './api'

export interface View {
  subject: string
  session: string
  /** The row of the session, from 0; -1 without a trial. */
  trial: number
  /** `beta`, `zscore`, `mean`, `file`, or `map:ID`; empty before the first answer. */
  show: string
  anatomy: string
  /** Smaller values are not drawn; 0 draws all. */
  threshold: number
  /** The end of the colour bar; null takes that of the map. */
  range: number | null
  opacity: number
  roi: string
  filter: string
  /** A column, with `-` before it for descending order. */
  sort: string
  split: string
  voxel: Ijk | null
  layout: Layout
}

export type Layout = 'all' | 'planes' | 'surface' | 'axial' | 'coronal' | 'sagittal' | 'render'
export const LAYOUTS: readonly Layout[] = ['all', 'planes', 'surface', 'axial', 'coronal', 'sagittal', 'render']

export const START: View = {
  subject: '',
  session: '',
  trial: -1,
  show: '',
  anatomy: '',
  threshold: 0,
  range: null,
  opacity: 0.85,
  roi: '',
  filter: '',
  sort: '',
  split: '',
  voxel: null,
  layout: 'all',
}

/** The part of an address behind `#`. */
export function toAddress(view: View): string {
  const place = [view.subject, view.session, view.trial >= 0 ? String(view.trial) : '']
  while (place.length > 0 && place[place.length - 1] === '') place.pop()
  const query = new URLSearchParams()
  const put = (name: keyof View, value: string): void => {
    if (value !== '') query.set(name, value)
  }
  put('show', view.show)
  put('anatomy', view.anatomy)
  if (view.threshold !== START.threshold) put('threshold', String(view.threshold))
  if (view.range !== null) put('range', String(view.range))
  if (view.opacity !== START.opacity) put('opacity', String(view.opacity))
  put('roi', view.roi)
  put('filter', view.filter)
  put('sort', view.sort)
  put('split', view.split)
  if (view.voxel) put('voxel', view.voxel.join(','))
  if (view.layout !== START.layout) put('layout', view.layout)
  const asked = query.toString()
  return `#/${place.map(encodeURIComponent).join('/')}${asked === '' ? '' : `?${asked}`}`
}

/** The view of an address; what cannot be read is as at the start. */
export function fromAddress(hash: string): View {
  const [path = '', asked = ''] = hash.replace(/^#?\/?/, '').split(/\?(.*)/s)
  const [subject = '', session = '', trial = ''] = path.split('/').map(decoded)
  const query = new URLSearchParams(asked)
  const number = (name: string, low: number, high: number): number | null => {
    const text = query.get(name)
    const value = text === null || text.trim() === '' ? NaN : Number(text)
    return value >= low && value <= high ? value : null
  }
  const layout = query.get('layout') as Layout
  return {
    subject,
    session,
    trial: /^\d{1,9}$/.test(trial) ? Number(trial) : -1,
    show: query.get('show') ?? '',
    anatomy: query.get('anatomy') ?? '',
    threshold: number('threshold', 0, Number.MAX_VALUE) ?? START.threshold,
    range: number('range', Number.MIN_VALUE, Number.MAX_VALUE),
    opacity: number('opacity', 0, 1) ?? START.opacity,
    roi: query.get('roi') ?? '',
    filter: query.get('filter') ?? '',
    sort: query.get('sort') ?? '',
    split: query.get('split') ?? '',
    voxel: voxelOf(query.get('voxel')),
    layout: LAYOUTS.includes(layout) ? layout : START.layout,
  }
}

function voxelOf(text: string | null): Ijk | null {
  const found = text?.match(/^(\d{1,4}),(\d{1,4}),(\d{1,4})$/)
  return found ? [Number(found[1]), Number(found[2]), Number(found[3])] : null
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return ''
  }
}
