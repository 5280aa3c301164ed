import type { Texts } from './en.ts';

export const de: Texts = {
  notices: {
    declared: (holder, reference, reason) =>
      `${holder} hat einen Notfall erklärt (Vorfall ${reference}): ${reason} Der Zugang wird erteilt, wenn eine zweite berechtigte Person zustimmt. Wissen Sie von keinem Notfall, handeln Sie jetzt.`,
    granted: (holder, second, reference, until) =>
      `${holder} hat zusammen mit ${second} Notfallzugang erhalten (Vorfall ${reference}), bis ${until}.`,
    reviewDue: (holder, reference, until) =>
      `Der Notfallzugang von ${holder} (Vorfall ${reference}) muss bis ${until} von jemandem geprüft werden, der nicht beteiligt war; sonst werden beide Berechtigten gesperrt.`,
    overdue: (holder, second, reference) =>
      `Niemand hat den Notfallzugang von ${holder} und ${second} (Vorfall ${reference}) rechtzeitig geprüft. Beide sind gesperrt.`,
    overdueHolder: (reference) =>
      `Niemand hat den Notfallzugang zum Vorfall ${reference} rechtzeitig geprüft. Ihr Konto ist gesperrt, bis es jemand entsperrt, der dafür zuständig ist.`,
    lapsed: (reference) =>
      `Zum Vorfall ${reference} hat rechtzeitig keine zweite Person zugestimmt. Es gab keinen Zugang.`,
  },
  list: {
    title: 'Notfallzugang',
    lead: 'Für einen Notfall, der nicht warten kann. Es braucht zwei Personen, alle Zuständigen werden sofort alarmiert, der Zugang endet nach einer Viertelstunde, und eine dritte Person prüft, was getan wurde.',
    none: 'In Ihrer Firma gibt es keinen Notfall.',
    reference: 'Vorfall',
    holder: 'Erklärt von',
    status: 'Stand',
    declareTitle: 'Einen Notfall erklären',
    open: 'Notfälle Ihrer Firma',
  },
  statuses: {
    declared: 'wartet auf die zweite Person',
    granted: 'Zugang erteilt; wartet auf die Prüfung',
    reviewed: 'geprüft',
    overdue: 'nicht rechtzeitig geprüft: beide Berechtigten sind gesperrt',
    lapsed: 'keine zweite Person hat zugestimmt',
  },
  declare: {
    reason: 'Was ist geschehen, und was müssen Sie tun?',
    reference: 'Nummer des Vorfalls in Ihrem eigenen System',
    resource: 'Schnittstelle, die Sie brauchen',
    scopes: 'Wofür',
    jkt: 'Fingerabdruck des Schlüssels Ihres Werkzeugs',
    jktHint: 'Ihr Werkzeug gibt ihn aus: countersign incident key.',
    next: 'Noch einmal ansehen',
    confirmTitle: 'Diesen Notfall erklären?',
    confirmLead: 'Sobald Sie unterschreiben, werden alle Zuständigen alarmiert.',
    sign: 'Mit meinem Schlüssel erklären',
    back: 'Zurück',
  },
  one: {
    title: (reference) => `Vorfall ${reference}`,
    holder: 'Erklärt von',
    second: 'Zweite Person',
    nobody: 'noch niemand',
    reason: 'Grund',
    resource: 'Schnittstelle',
    scopes: 'Für',
    jkt: 'Schlüssel des Werkzeugs',
    declaredAt: 'Erklärt',
    secondBefore: 'Zweite Person bis',
    endsAt: 'Zugang endet',
    collected: 'Zugang abgeholt',
    yes: 'ja',
    no: 'nein',
    reviewDueAt: 'Prüfung bis',
    verdict: 'Prüfung',
    secondTitle: 'Als zweite Person zustimmen',
    secondHint:
      'Unterschreiben Sie nur, wenn Sie selbst von diesem Notfall wissen. Sie verantworten ihn gemeinsam mit der Person, die ihn erklärt hat.',
    sign: 'Mit meinem Schlüssel zustimmen',
    endTitle: 'Den Zugang beenden',
    endHint: 'Sobald er nicht mehr gebraucht wird.',
    end: 'Jetzt beenden',
    collectTitle: 'Den Zugang abholen',
    collectHint: 'Mit dem Werkzeug, dessen Schlüssel Sie genannt haben; erneut, sobald ein Token abgelaufen ist:',
    reviewTitle: 'Prüfen',
    reviewHint:
      'Sehen Sie sich an, was getan wurde, bevor Sie urteilen. Ihr Schlüssel unterschreibt, was Sie schreiben.',
    deeds: 'Was die erklärende Person in dieser Zeit getan hat',
    noDeeds: 'Es wurde nichts aufgezeichnet.',
    note: 'Was Sie sich angesehen und was Sie festgestellt haben',
    justified: 'Es war gerechtfertigt',
    notJustified: 'Es war nicht gerechtfertigt',
    next: 'Noch einmal ansehen',
    confirmReview: 'Diese Prüfung unterschreiben?',
    signReview: 'Prüfung mit meinem Schlüssel unterschreiben',
    waitsForReview: 'Jemand, der nicht beteiligt war, muss es prüfen.',
  },
  verdicts: { justified: 'gerechtfertigt', 'not-justified': 'nicht gerechtfertigt' },
  done: {
    reviewedTitle: 'Geprüft',
    reviewedLead: 'Ihre Prüfung ist aufgezeichnet.',
    back: 'Notfälle Ihrer Firma ansehen',
  },
};
