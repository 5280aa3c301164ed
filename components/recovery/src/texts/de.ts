import type { Texts } from './en.ts';

export const de: Texts = {
  notices: {
    opened: (until) =>
      `Ihrer Firma wurde gemeldet, dass Sie Ihren Sicherheitsschlüssel verloren haben und einen neuen brauchen. Waren Sie das nicht, rufen Sie sofort die Sicherheitsabteilung Ihrer Firma an, oder brechen Sie den Vorgang mit einem Schlüssel ab, der noch funktioniert. Er endet von selbst am ${until}.`,
    approved:
      'Ihre Firma hat genehmigt, dass Sie einen neuen Sicherheitsschlüssel bekommen. Alles, womit Sie sich angemeldet haben, gilt nicht mehr. Waren Sie das nicht, rufen Sie sofort die Sicherheitsabteilung Ihrer Firma an.',
    refused:
      'Die Meldung, dass Sie Ihren Sicherheitsschlüssel verloren haben, wurde von Ihrer Firma abgelehnt. Es hat sich nichts geändert.',
    cancelled: 'Die Meldung, dass Sie Ihren Sicherheitsschlüssel verloren haben, wurde zurückgenommen.',
    expired:
      'Die Meldung, dass Sie Ihren Sicherheitsschlüssel verloren haben, wurde nicht rechtzeitig abgeschlossen. Brauchen Sie noch einen neuen Schlüssel, melden Sie es bitte erneut.',
    completed: (until) =>
      `In Ihrem Namen wurde ein neuer Sicherheitsschlüssel registriert. Bis ${until} können Sie alles ansehen, aber in Ihrem Namen wird nichts bewegt, was Wert hat. Waren Sie das nicht, rufen Sie sofort die Sicherheitsabteilung Ihrer Firma an.`,
  },
  request: {
    title: 'Sicherheitsschlüssel verloren?',
    lead: 'Sagen Sie, wer Sie sind; Ihre Firma erfährt dann, dass Sie Hilfe brauchen. Sonst geschieht durch diese Seite nichts.',
    name: 'Ihre Kennung bei Countersign',
    nameHint: 'So, wie sie nach der Anmeldung angezeigt wird, zum Beispiel person:anna.keller.',
    send: 'Meiner Firma melden',
    safer:
      'Sie können auch die Sicherheitsabteilung Ihrer Firma anrufen. Sie prüft, wer Sie sind, bevor sich etwas ändert.',
    toStart: 'Zur Startseite',
    sentTitle: 'Danke',
    sentLead: 'Falls es dieses Konto gibt, wissen jetzt diejenigen Bescheid, die es betreuen.',
    sentNext:
      'Sie melden sich bei Ihnen auf dem Weg, den Ihre Firma mit Ihnen vereinbart hat. Countersign verschickt keine Links per E-Mail, und niemand braucht einen Code oder eine PIN von Ihnen.',
  },
  list: {
    title: 'Verlorene Schlüssel, die auf Sie warten',
    lead: 'Sie sind angemeldet als',
    none: 'Keine Wiederherstellung wartet auf Ihre Genehmigung.',
    who: 'Wessen',
    opened: 'Eröffnet',
    before: 'Bis',
  },
  one: {
    title: (person) => `Darf ${person} einen neuen Schlüssel registrieren?`,
    lead: 'Genehmigen Sie nur, wenn Sie von jemand anderem als der eröffnenden Stelle wissen, dass die Person ihren Schlüssel wirklich verloren hat.',
    warning:
      'Sobald beide Funktionen genehmigt haben, gilt alles, womit sich die Person anmeldet, sofort nicht mehr. Danach wird sie eingeladen, sich neu zu registrieren, und eine Zeit lang wird in ihrem Namen nichts bewegt, was Wert hat.',
    person: 'Wessen',
    openedBy: 'Eröffnet von',
    openedAt: 'Eröffnet',
    before: 'Entscheiden bis',
    reason: 'Grund',
    evidence: 'Identität nachgewiesen durch',
    approved: 'Bisher genehmigt',
    nobody: 'noch niemand',
    missing: 'Es fehlen noch',
    digest: 'Fingerabdruck dieses Vorgangs',
    functionOf: (name, by) => `${name}: ${by}`,
    approveTitle: 'Genehmigen',
    approveHint: 'Ihr Sicherheitsschlüssel unterschreibt genau das, was hier steht.',
    approve: 'Mit meinem Schlüssel genehmigen',
    refuseTitle: 'Ablehnen',
    refuseReason: 'Warum? Es wird aufgezeichnet, und die Person erfährt, dass abgelehnt wurde.',
    refuse: 'Ablehnen',
  },
  cancel: {
    keep: 'Nicht zurückziehen',
    title: 'Diesen Vorgang abbrechen?',
    lead: 'Es wurde gemeldet, dass Sie Ihren Sicherheitsschlüssel verloren haben. Haben Sie ihn noch, brechen Sie den Vorgang damit ab.',
    hint: 'Ihr Schlüssel unterschreibt, dass nichts verloren ist. Was Sie haben, bleibt, wie es ist.',
    cancel: 'Mit meinem Schlüssel abbrechen',
    since: 'Gemeldet',
  },
  done: {
    approvedTitle: 'Sie haben genehmigt',
    approvedWaits: 'Jetzt fehlt noch die andere Funktion.',
    approvedAll:
      'Beide Funktionen haben genehmigt. Was die Person hatte, endet jetzt; danach übergibt ihr die eröffnende Stelle den Link zur Registrierung.',
    refusedTitle: 'Sie haben abgelehnt',
    refusedLead: 'Der Vorgang ist beendet, und die Person erfährt es.',
    cancelledTitle: 'Der Vorgang ist abgebrochen',
    cancelledLead:
      'Was Sie haben, bleibt, wie es ist. Sagen Sie es der Sicherheitsabteilung Ihrer Firma: Jemand wollte in Ihrem Namen einen neuen Schlüssel.',
    account: 'Ihr Konto',
    back: 'Sehen, was sonst auf Sie wartet',
  },
};
