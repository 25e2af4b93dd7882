/** The page as a whole: one view, and what follows when it changes. */

import { type About, type Ijk, json, ofSubject, Refusal, type RoiLine, type Subject, type SubjectLine, type TrialColumns } from './api'
import { showAbout } from './about'
import { Brain } from './brain'
import { Controls } from './controls'
import { byId, h } from './dom'
import { listen } from './keys'
import { Latest } from './latest'
import { firstChoice, isMean, isTrialMap, kindOf, sourceOf } from './maps'
import { clearErrors, copy, report, say } from './messages'
import { type OwnMap, openMap } from './own'
import { TrialPane } from './pane'
import { fileName, saveMap, savePicture } from './save'
import { StimulusPanel } from './stimulus'
import { Surface } from './surface'
import { Trials } from './trials'
import { fromAddress, START, toAddress, type View } from './view'
import { VoxelPanel } from './voxel'

export class App {
  private view: View = START
  private subject: Subject | null = null
  private trials: Trials | null = null
  private file: OwnMap | null = null
  private lastTrialMap = 'beta'
  private readonly askedSubject = new Latest()
  private readonly brain: Brain
  private readonly controls = new Controls()
  private readonly pane = new TrialPane()
  private readonly stimulus = new StimulusPanel()
  private readonly voxel = new VoxelPanel()
  private readonly surface = new Surface()
  private voxelTimer = 0

  constructor(
    private readonly about: About,
    private subjects: readonly SubjectLine[],
  ) {
    this.brain = new Brain(about.colormaps)
    this.controls.setSubjects(subjects)
    this.controls.onChange = (patch) => this.update(patch)
    this.controls.onFile = (file) => void this.openFile(file).catch(report)
    this.controls.onStep = (step) => this.stepTrial(step)
    this.pane.onChange = (patch) => this.update(patch)
    this.pane.table.onChoose = (row) => this.chooseRow(row)
    this.stimulus.onImage = (name) => this.chooseImage(name)
    this.stimulus.seen.tables = about.colormaps
    this.stimulus.seen.onTrial = (subject, row) => void this.chooseTrialOf(subject, row)
    this.voxel.onImage = (name) => this.chooseImage(name)
    this.brain.onVoxel = (ijk) => this.chooseVoxel(ijk)
    this.brain.onScale = (scale) => {
      this.controls.setScale(scale)
      this.surface.setScale(scale, this.view.opacity)
    }
    this.listenToButtons()
    listen({
      trial: (step) => this.stepTrial(step),
      row: (step) => this.stepRow(step),
      move: (step) => this.moveCrosshair(step),
      focus: (field) => (field === 'filter' ? this.pane.focus() : focus(field)),
      nextLayout: () => this.update({ layout: this.controls.nextLayout(this.view.layout) }),
      showKeys: () => byId<HTMLDialogElement>('keys').showModal(),
    })
    window.addEventListener('focus', () => void this.lookAgain())
    window.addEventListener('hashchange', () => {
      if (location.hash === toAddress(this.view)) return
      const asked = fromAddress(location.hash)
      const { subject, show, anatomy } = this.view
      // An address that somebody has shortened keeps what is shown.
      this.update({ ...asked, subject: asked.subject || subject, show: asked.show || show, anatomy: asked.anatomy || anatomy })
    })
  }

  /** Opens what the address says, or the first subject. */
  start(): void {
    const [first] = this.subjects
    if (!first) {
      byId('title').textContent = 'There is no subject on disk.'
      say('There is no subject on disk yet.', 'laion-fmri download --subject sub-01 --ses ses-01', 'error')
      return
    }
    const asked = fromAddress(location.hash)
    if (!location.hash.includes('layout=')) this.brain.onSlow = () => this.update({ layout: 'planes' })
    const isKnown = this.subjects.some(({ id }) => id === asked.subject)
    if (asked.subject !== '' && !isKnown) say(`There is no subject ${asked.subject} on disk.`, null, 'error')
    this.update({ ...asked, subject: isKnown ? asked.subject : first.id })
  }

  /** Changes the view, its address, and what depends on it. */
  private update(patch: Partial<View>): void {
    const before = this.view
    const next = { ...before, ...patch }
    const isTrial = next.trial !== before.trial || next.session !== before.session
    // Whoever chooses a trial wants to see it.
    if (isTrial && next.trial >= 0 && patch.show === undefined && !isTrialMap(next.show)) next.show = this.lastTrialMap
    if (isTrialMap(next.show)) this.lastTrialMap = next.show
    // A threshold belongs to the unit of what it was set for.
    if (next.show !== before.show && before.show !== '' && patch.threshold === undefined) {
      next.threshold = 0
      next.range = null
    }
    this.view = next
    this.remember()
    if (next.subject !== before.subject) {
      void this.loadSubject()
      return
    }
    const { subject } = this
    if (!subject) return
    const changed = (...names: (keyof View)[]): boolean => names.some((name) => next[name] !== before[name])
    if (isTrial || changed('show', 'anatomy', 'roi')) clearErrors()
    if (changed('filter', 'sort', 'split')) void this.pane.show(next)
    if (isTrial) this.showTrial()
    if (changed('anatomy')) {
      this.brain.setAnatomy(subject.id, next.anatomy)
      void this.brain.putBack(next).then(() => next.voxel && this.brain.moveTo(next.voxel))
    }
    if (changed('show') || (isTrial && isTrialMap(next.show))) void this.showMap()
    else if (changed('threshold', 'range')) void this.brain.repaint(next)
    else if (changed('opacity')) this.brain.setOpacity(next.opacity)
    if (changed('roi')) this.showRoi(patch.voxel === undefined)
    if (changed('layout')) void this.brain.setLayout(next)
    if (changed('layout', 'show', 'roi') || isTrial) this.showSurface()
    if (changed('opacity') && this.brain.scale) this.surface.setScale(this.brain.scale, next.opacity)
    if (next.voxel?.join() !== before.voxel?.join()) this.showVoxel()
    this.controls.show(next, subject, this.trials)
  }

  private remember(): void {
    history.replaceState(null, '', toAddress(this.view))
    document.title = [this.view.subject, this.view.session, this.view.trial >= 0 ? `trial ${this.view.trial}` : ''].filter((part) => part !== '').join(' ') + ' · laion-fmri'
  }

  private async loadSubject(): Promise<void> {
    this.subject = this.trials = null
    this.brain.reset()
    this.surface.reset()
    this.stimulus.clear('Choose a trial on the left.')
    this.voxel.clear()
    const id = this.view.subject
    await this.askedSubject.run(async (signal) => {
      const trials = json<TrialColumns>(ofSubject(id, '/trials'), signal)
      // The answer is waited for below; until then an error is not lost, only late.
      trials.catch(() => {})
      const subject = await json<Subject>(ofSubject(id), signal)
      this.subject = subject
      this.complete(subject)
      this.controls.setSubject(subject)
      this.pane.setSubject(subject, null)
      this.controls.show(this.view, subject, null)
      this.brain.setAnatomy(id, this.view.anatomy)
      const map = this.showMap()
      void this.brain.setLayout(this.view)
      this.showSurface()
      this.showRoi(false)
      this.trials = new Trials(await trials)
      this.pane.setSubject(subject, this.trials)
      await this.pane.show(this.view)
      if (isMean(this.view.show)) {
        await this.showMap()
        this.showSurface()
      }
      this.showTrial()
      this.showVoxel()
      this.controls.show(this.view, subject, this.trials)
      await map
      this.controls.setRois(await json<RoiLine[]>(ofSubject(id, '/rois'), signal))
    }, report)
  }

  /** Reads everything again if files have come or changed, as by a command that the page has offered. */
  private async lookAgain(): Promise<void> {
    const { subject } = this
    if (!subject) return
    try {
      const [subjects, now] = await Promise.all([json<SubjectLine[]>('/subjects'), json<Subject>(ofSubject(subject.id))])
      if (this.subject !== subject) return
      if (JSON.stringify(subjects) !== JSON.stringify(this.subjects)) {
        this.subjects = subjects
        this.controls.setSubjects(subjects)
        this.controls.show(this.view, subject, this.trials)
      }
      if (JSON.stringify(now) === JSON.stringify(subject)) return
      clearErrors()
      await this.loadSubject()
      say('Files have changed on disk: they were read again.')
    } catch {
      // What is asked for next says what is wrong.
    }
  }

  /** Fills in what the address leaves open, and drops what this subject does not have. */
  private complete(subject: Subject): void {
    const { view } = this
    const anatomy = subject.anatomies.some(({ id }) => id === view.anatomy) ? view.anatomy : (subject.anatomies[0]?.id ?? '')
    const session = subject.sessions.find(({ id }) => id === view.session)
    const isTrial = session !== undefined && view.trial >= 0 && view.trial < session.trials
    if (view.session !== '' && !session) say(`${view.session} of ${subject.id} is not on disk.`, null, 'error')
    else if (session && view.trial >= session.trials) say(`${view.session} of ${subject.id} has no trial ${view.trial}; it has ${session.trials}, from 0.`, null, 'error')
    const place = isTrial ? {} : { session: '', trial: -1 }
    const isKnown = (isTrialMap(view.show) && isTrial) || subject.maps.some(({ id }) => `map:${id}` === view.show)
    const what = isKnown ? {} : isTrial ? { show: 'beta' } : firstChoice(subject)
    const inGrid = view.voxel?.every((index, axis) => index < (subject.shape?.[axis] ?? 0)) ?? false
    this.view = { ...view, ...place, ...what, anatomy, voxel: inGrid ? view.voxel : null }
    this.remember()
  }

  private async showMap(): Promise<void> {
    const { subject, view } = this
    if (!subject) return
    if (view.show === 'file') {
      if (this.file) await this.brain.setFile(this.file, view)
      else await this.brain.clearMap('Open a map of your own: a NIfTI file on this machine.')
      return
    }
    const source = sourceOf(view, subject, this.trials)
    if (typeof source === 'string') await this.brain.clearMap(source)
    else await this.brain.setMap(source, view)
  }

  private showSurface(): void {
    const { subject, trials, view } = this
    if (!subject) return
    const row = trials?.find(view.session, view.trial) ?? -1
    void this.surface.show(view, subject, trials && row >= 0 ? trials.imageOf(row) : '')
  }

  private showTrial(): void {
    const { subject, trials, view } = this
    if (!subject || !trials) return
    const row = trials.find(view.session, view.trial)
    this.pane.table.select(row)
    if (row < 0) this.stimulus.clear('Choose a trial on the left: its image is shown here.')
    else void this.stimulus.show(trials.imageOf(row), subject, trials, row)
    if (view.voxel) this.showVoxel()
  }

  private showRoi(visit: boolean): void {
    const { subject, view } = this
    if (subject) void this.brain.setRoi(subject.id, view.roi, visit, (text, isError) => this.controls.setRoiState(text, isError))
  }

  private showVoxel(): void {
    const { subject, trials, view } = this
    if (!subject) return
    if (!view.voxel) {
      this.voxel.clear()
      return
    }
    this.brain.moveTo(view.voxel)
    const row = trials?.find(view.session, view.trial) ?? -1
    void this.voxel.show(view.voxel, subject, trials, row < 0 ? -1 : trials!.image[row]!)
  }

  private chooseRow(row: number): void {
    if (this.trials) this.update({ session: this.trials.sessionOf(row), trial: this.trials.trial[row]! })
  }

  private chooseImage(name: string): void {
    const row = this.trials?.firstRowOf(this.trials.imageNamed(name)) ?? -1
    if (row >= 0) this.chooseRow(row)
    else say(`No trial of ${this.view.subject} on disk shows ${name}.`, null, 'error')
  }

  /** A row of the trials of a subject, maybe of another one, whose trials have to be read first. */
  private async chooseTrialOf(subject: string, row: number): Promise<void> {
    if (subject === this.view.subject) {
      this.chooseRow(row)
      return
    }
    try {
      const trials = new Trials(await json<TrialColumns>(ofSubject(subject, '/trials')))
      const show = isTrialMap(this.view.show) ? this.view.show : this.lastTrialMap
      this.update({ subject, session: trials.sessionOf(row), trial: trials.trial[row] ?? -1, show, voxel: null, filter: '', split: '' })
    } catch (error) {
      report(error)
    }
  }

  private chooseVoxel(ijk: Ijk): void {
    // Dragging passes many voxels; only where it rests is asked about.
    window.clearTimeout(this.voxelTimer)
    this.voxelTimer = window.setTimeout(() => {
      this.voxel.want()
      this.update({ voxel: ijk })
    }, 60)
  }

  private stepTrial(step: number): void {
    const { subject, view } = this
    const session = subject?.sessions.find(({ id }) => id === view.session) ?? subject?.sessions[0]
    if (!session) return
    const wanted = view.session === '' ? 0 : view.trial + step
    if (wanted >= 0 && wanted < session.trials) this.update({ session: session.id, trial: wanted })
  }

  private stepRow(step: number): void {
    const row = this.pane.table.beside(step)
    if (row !== null) this.chooseRow(row)
  }

  private moveCrosshair(step: [number, number, number]): void {
    const next = this.brain.beside(step)
    if (!next) return
    this.brain.moveTo(next)
    this.chooseVoxel(next)
  }

  /** What was shown before stays if the file is not a map. */
  private async openFile(file: File): Promise<void> {
    clearErrors()
    this.file = await openMap(file)
    this.controls.setFile(file.name)
    if (this.view.show === 'file') void this.showMap()
    else this.update({ show: 'file' })
  }

  private listenToButtons(): void {
    const on = (id: string, action: () => void | Promise<void>): void =>
      byId(id).addEventListener('click', () => void Promise.resolve(action()).catch(report))
    on('show-keys', () => byId<HTMLDialogElement>('keys').showModal())
    on('show-about', () => showAbout(this.about))
    on('save-picture', () => this.savePicture())
    on('save-map', () => this.saveMap())
    on('copy-link', () => copy(location.href, 'link'))
    on('copy-command', () => this.copyCommand())
    for (const button of document.querySelectorAll('#save-menu button')) {
      button.addEventListener('click', () => (byId<HTMLDetailsElement>('save-menu').open = false))
    }
  }

  private names(): string[] {
    const { view } = this
    const what = view.show === 'file' ? (this.file?.name.replace(/\.nii(\.gz)?$/, '') ?? 'map') : view.show.replace('map:', '')
    return [view.subject, ...(isTrialMap(view.show) ? [view.session, `trial-${view.trial}`] : []), what]
  }

  private async savePicture(): Promise<void> {
    const picture = this.brain.picture()
    if (!picture) throw new Error('There is no map to save.')
    const image = byId<HTMLInputElement>('with-stimulus').checked ? this.stimulus.picture : null
    const stimulus = image ? { image, notice: this.stimulus.image?.notice ?? '' } : null
    await savePicture({ ...picture, surface: this.surface.picture(), stimulus }, fileName(this.names(), '.png'))
  }

  private saveMap(): void {
    const map = this.brain.map()
    if (!map) throw new Error('There is no map to save.')
    saveMap(map, fileName(this.names(), '.nii'))
  }

  private async copyCommand(): Promise<void> {
    const { view } = this
    const { sessions, split, shared, left } = this.pane.selection(view)
    const query = new URLSearchParams({ roi: view.roi, sessions: sessions.join(','), split, shared })
    if (kindOf(view.show) === 'zscore') query.set('zscore', 'true')
    if (isMean(view.show)) query.set('average', 'true')
    for (const [name, text] of [...query]) if (text === '') query.delete(name)
    const { command } = await json<{ command: string | null }>(ofSubject(view.subject, `/command?${query}`))
    if (command === null) throw new Error('This server has no command for an extraction.')
    await copy(command, 'command')
    say(left.length === 0 ? 'It makes the array of this selection:' : `It does not know these parts of the filter: ${left.join(', ')}.`, command)
  }
}

function focus(id: string): void {
  const field = byId<HTMLInputElement>(id)
  field.focus()
  if (field instanceof HTMLInputElement) field.select()
}

/** Replaces the page when the server does not know this browser, or is gone. */
export function showEnd(error: unknown): void {
  const isUnknown = error instanceof Refusal && (error.status === 401 || error.status === 403)
  const sentence = isUnknown
    ? 'The address of this page is not that of a command that is running. Start `laion-fmri browse` again, and open the address that it prints.'
    : error instanceof Error ? error.message : String(error)
  document.body.replaceChildren(h('main', { class: 'ended', attrs: { role: 'alert' } }, h('h1', { text: 'laion-fmri' }), h('p', { text: sentence }), error instanceof Refusal && error.hint ? h('p', {}, h('code', { text: error.hint })) : null))
}
