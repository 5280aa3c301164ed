import type { Texts } from './en.ts';

export const de: Texts = {
  notices: {
    declared: (holder, reference, reason) =>
      `${holder} hat Notfallzugang beantragt (Vorfall ${reference}): ${reason} Der Zugang wird erteilt, wenn eine zweite berechtigte Person zustimmt. Ist Ihnen kein Notfall bekannt, handeln Sie jetzt.`,
    granted: (holder, second, reference, until) =>
      `${holder} hat zusammen mit ${second} Notfallzugang erhalten (Vorfall ${reference}), bis ${until}.`,
    reviewDue: (holder, reference, until) =>
      `Der Notfallzugang von ${holder} (Vorfall ${reference}) muss bis ${until} von jemandem geprüft werden, der nicht beteiligt war; sonst werden beide Berechtigten gesperrt.`,
    overdue: (holder, second, reference) =>
      `Der Notfallzugang von ${holder} und ${second} (Vorfall ${reference}) wurde nicht rechtzeitig geprüft. Beide sind gesperrt.`,
    overdueHolder: (reference) =>
      `Der Notfallzugang zum Vorfall ${reference} wurde nicht rechtzeitig geprüft. Ihr Konto ist gesperrt, bis die Benutzerverwaltung es entsperrt.`,
    lapsed: (reference) =>
      `Dem Vorfall ${reference} hat keine zweite Person rechtzeitig zugestimmt. Es wurde kein Zugang erteilt.`,
  },
  list: {
    title: 'Notfallzugang',
    lead: 'Für Notfälle, die nicht warten können. Zwei Personen müssen zustimmen, alle Prüfer werden sofort alarmiert, der Zugang endet nach 15 Minuten, und eine dritte Person prüft, was getan wurde.',
    none: 'Keine Vorfälle.',
    reference: 'Vorfall',
    holder: 'Erklärt von',
    status: 'Status',
    declareTitle: 'Neuer Vorfall',
    open: 'Vorfälle Ihrer Firma',
  },
  statuses: {
    declared: 'Zustimmung der zweiten Person ausstehend',
    granted: 'Zugang erteilt; Prüfung ausstehend',
    reviewed: 'geprüft',
    overdue: 'nicht rechtzeitig geprüft: beide Berechtigten sind gesperrt',
    lapsed: 'ohne zweite Person abgelaufen',
  },
  declare: {
    reason: 'Was ist geschehen, und was müssen Sie tun?',
    reference: 'Nummer des Vorfalls in Ihrem eigenen System',
    resource: 'Schnittstelle',
    scopes: 'Berechtigungen',
    jkt: 'Schlüssel-Fingerabdruck Ihres Werkzeugs',
    jktHint: 'Wird vom Befehl countersign incident key ausgegeben.',
    next: 'Prüfen und unterschreiben',
    confirmTitle: 'Bestätigung dieses Vorfalls',
    confirmLead: 'Sobald Sie unterschreiben, werden alle Prüfer alarmiert.',
    sign: 'Mit Sicherheitsschlüssel erklären',
    back: 'Zurück',
  },
  one: {
    title: (reference) => `Vorfall ${reference}`,
    holder: 'Erklärt von',
    second: 'Zweite Person',
    nobody: 'keine',
    reason: 'Grund',
    resource: 'Schnittstelle',
    scopes: 'Berechtigungen',
    jkt: 'Schlüssel-Fingerabdruck des Werkzeugs',
    declaredAt: 'Erklärt',
    secondBefore: 'Zweite Person bis',
    endsAt: 'Zugang endet',
    collected: 'Zugang abgeholt',
    yes: 'ja',
    no: 'nein',
    reviewDueAt: 'Prüfung bis',
    verdict: 'Prüfung',
    secondTitle: 'Zustimmung als zweite Person',
    secondHint:
      'Unterschreiben Sie nur, wenn Ihnen dieser Notfall selbst bekannt ist. Sie tragen die Verantwortung gemeinsam mit der erklärenden Person.',
    sign: 'Mit Sicherheitsschlüssel zustimmen',
    endTitle: 'Ende des Zugangs',
    endHint: 'Beenden Sie den Zugang, sobald er nicht mehr gebraucht wird.',
    end: 'Zugang jetzt beenden',
    collectTitle: 'Zugangstoken',
    collectHint:
      'Holen Sie das Token mit dem Werkzeug ab, dessen Schlüssel Sie angegeben haben; erneut, sobald ein Token abgelaufen ist:',
    reviewTitle: 'Prüfung',
    reviewHint:
      'Prüfen Sie, was getan wurde, bevor Sie entscheiden. Sie unterschreiben Ihre Prüfung mit Ihrem Schlüssel.',
    actions: 'Aktionen der erklärenden Person während des Zugangs',
    noActions: 'Keine aufgezeichneten Aktionen.',
    note: 'Was Sie geprüft und festgestellt haben',
    justified: 'Gerechtfertigt',
    notJustified: 'Nicht gerechtfertigt',
    next: 'Prüfen und unterschreiben',
    confirmReview: 'Bestätigung Ihrer Prüfung',
    signReview: 'Mit Sicherheitsschlüssel unterschreiben',
    waitsForReview: 'Prüfung durch eine unbeteiligte Person ausstehend.',
  },
  verdicts: { justified: 'gerechtfertigt', 'not-justified': 'nicht gerechtfertigt' },
  done: {
    reviewedTitle: 'Prüfung aufgezeichnet',
    reviewedLead: 'Ihre Prüfung wurde im Auditprotokoll aufgezeichnet.',
    back: 'Vorfälle Ihrer Firma',
  },
};
