/** The dialog about the program, and the licences of what the page is made of. */

import type { About } from './api'
import { byId, h } from './dom'

export function showAbout(about: About): void {
  const dialog = byId<HTMLDialogElement>('about')
  dialog.querySelector('.content')!.replaceChildren(
    h('p', { text: `laion-fmri ${about.version}, reading ${about.data_dir}` }),
    h('p', { text: 'This page talks to the command on this machine and to nothing else. It writes no file but those that you save.' }),
    h('p', { text: 'The images are third-party images under a use agreement. They are shown on this machine; do not publish them.' }),
    h('h3', { text: 'Licences of what the page is made of' }),
    h('pre', { text: about.licences, attrs: { tabindex: 0 } }),
  )
  dialog.showModal()
}
