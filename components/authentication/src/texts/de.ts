import type { Texts } from './en.ts';
import { selfServiceDe } from './self-service-de.ts';

export const de: Texts = {
  selfService: selfServiceDe,
  webauthn: {
    lead: 'Verwenden Sie den Sicherheitsschlüssel oder Passkey, den Sie hier registriert haben.',
    stepUp: (person) => `Bestätigen Sie mit Ihrem Sicherheitsschlüssel oder Passkey, dass Sie ${person} sind.`,
    use: 'Sicherheitsschlüssel oder Passkey verwenden',
    refused:
      'Das wurde nicht angenommen. Verwenden Sie einen Sicherheitsschlüssel oder Passkey, den Sie hier registriert haben, oder wenden Sie sich an die Benutzerverwaltung Ihrer Firma.',
    tooWeak:
      'Dieser Sicherheitsschlüssel oder Passkey ist für diesen Vorgang nicht sicher genug. Verwenden Sie einen nicht kopierbaren Schlüssel mit Herstellernachweis.',
    used: 'Diese Seite wurde bereits verwendet. Versuchen Sie es noch einmal.',
  },
  certificate: {
    lead: 'Stecken Sie Ihre Chipkarte ein, oder halten Sie das Zertifikat Ihrer Firma bereit. Ihr Browser fragt, welches Zertifikat er verwenden soll.',
    use: 'Zertifikat oder Chipkarte verwenden',
    refusals: {
      certificate_missing:
        'Ihr Browser hat kein Zertifikat vorgelegt. Stecken Sie die Karte ein und versuchen Sie es noch einmal. Fragt der Browser nicht nach einem Zertifikat, schließen Sie vorher alle seine Fenster.',
      certificate_untrusted:
        'Dieses Zertifikat stammt nicht von einer hier für Personen zugelassenen Zertifizierungsstelle. Wählen Sie ein anderes.',
      certificate_expired:
        'Dieses Zertifikat oder das seines Ausstellers ist abgelaufen oder noch nicht gültig. Bitten Sie Ihre Firma um ein neues.',
      certificate_usage: 'Dieses Zertifikat ist nicht zur Anmeldung geeignet. Wählen Sie ein anderes.',
      certificate_key_weak:
        'Der Schlüssel dieses Zertifikats ist zu schwach. Bitten Sie die ausstellende Stelle um ein neues.',
      certificate_policy:
        'Dieses Zertifikat wurde nicht nach einer hier zugelassenen Richtlinie ausgestellt. Wählen Sie ein anderes.',
      certificate_revoked: 'Dieses Zertifikat wurde gesperrt. Bitten Sie Ihre Firma um ein neues.',
      certificate_status_unknown:
        'Der Sperrstatus dieses Zertifikats ist zurzeit nicht verfügbar. Versuchen Sie es später, oder melden Sie sich anders an.',
      person_unknown:
        'Dieses Zertifikat ist keinem Konto zugeordnet. Wählen Sie ein anderes, oder wenden Sie sich an die Benutzerverwaltung.',
    },
  },
  card: {
    lead: 'Bestätigen Sie mit dem Zertifikat auf Ihrer Chipkarte: Führen Sie diesen Befehl auf Ihrem Rechner aus, mit dem PKCS-#11-Modul und der PIN Ihrer Karte. Vergleichen Sie die Prüfsummen mit dem, was Ihnen gezeigt wurde, und fügen Sie die Ausgabe des Befehls hier ein.',
    signature: 'Signatur',
    use: 'Mit Chipkarte bestätigen',
    refusals: {
      certificate_untrusted:
        'Dies hat Ihre Karte nicht für diese Seite signiert. Führen Sie den Befehl noch einmal so aus, wie er hier steht, und fügen Sie die ganze Ausgabe ein.',
      certificate_expired:
        'Das Zertifikat auf dieser Karte ist abgelaufen oder noch nicht gültig. Bitten Sie Ihre Firma um ein neues.',
      certificate_usage:
        'Das Zertifikat auf dieser Karte wurde nicht für Bestätigungen ausgestellt. Wählen Sie ein anderes.',
      certificate_key_weak: 'Der Schlüssel dieser Karte ist zu schwach. Bitten Sie Ihre Firma um einen neuen.',
      certificate_policy:
        'Das Zertifikat auf dieser Karte wurde nicht nach einer hier anerkannten Richtlinie ausgestellt. Wählen Sie ein anderes.',
      certificate_revoked: 'Das Zertifikat auf dieser Karte wurde widerrufen. Bitten Sie Ihre Firma um ein neues.',
      certificate_status_unknown:
        'Die Signatur belegt nicht, dass das Zertifikat noch gültig ist, oder sie ist zu alt. Führen Sie den Befehl noch einmal aus.',
    },
  },
  federated: {
    lead: 'Melden Sie sich bei Ihrer eigenen Firma an. Sie bestätigt uns Ihre Identität.',
    use: (name) => `Bei ${name} anmelden`,
    refusals: {
      provider_unknown:
        'Die Anmeldung bei dieser Firma ist zurzeit nicht möglich. Melden Sie sich anders an, oder wenden Sie sich an die Benutzerverwaltung.',
      provider_refused:
        'Die Anmeldung bei Ihrer Firma war nicht erfolgreich. Versuchen Sie es noch einmal, oder melden Sie sich anders an.',
      provider_answer_refused:
        'Die Angaben Ihrer Firma wurden nicht angenommen. Wenden Sie sich an die Benutzerverwaltung Ihrer Firma.',
      provider_unavailable:
        'Der Anmeldedienst Ihrer Firma antwortet nicht. Versuchen Sie es später, oder melden Sie sich anders an.',
      person_unknown:
        'Die Angaben Ihrer Firma wurden nicht angenommen. Wenden Sie sich an die Benutzerverwaltung Ihrer Firma.',
    },
  },
  enrolment: {
    title: 'Sicherheitsschlüssel oder Passkey registrieren',
    lead: 'Sie sind eingeladen, einen Sicherheitsschlüssel oder Passkey zu registrieren. Damit melden Sie sich künftig an.',
    person: 'Person',
    firm: 'Firma',
    until: 'Einmal verwendbarer Link, gültig bis',
    notYou: 'Wenn Sie das nicht sind, schließen Sie diese Seite und informieren Sie den Absender des Links.',
    how: 'Ihr Browser fragt nach Ihrem Schlüssel und nach dessen PIN oder nach Ihrem Fingerabdruck oder Gesicht. Ein Passwort gibt es nicht, und der private Schlüssel verlässt Ihr Gerät nie.',
    hardware: 'Ihre Rolle erfordert einen nicht kopierbaren Sicherheitsschlüssel mit Herstellernachweis.',
    any: 'Sie können einen Sicherheitsschlüssel oder einen Passkey auf diesem Gerät oder Ihrem Telefon verwenden.',
    name: 'Name des Schlüssels',
    nameHint: 'Damit Sie Ihre Schlüssel später unterscheiden können, zum Beispiel „blauer Schlüssel, Büro“.',
    register: 'Registrieren',
    problem: 'Es wurde nichts registriert.',
    doneTitle: 'Registrierung abgeschlossen',
    done: 'ist registriert. Sie können sich jetzt damit anmelden.',
    doneHardware: 'Er ist als nicht kopierbarer Schlüssel anerkannt.',
    another:
      'Registrieren Sie bald einen zweiten Schlüssel auf Ihrer Kontoseite. Verlieren Sie Ihren einzigen Schlüssel, muss Ihre Identität erneut geprüft werden.',
    code: 'Code',
  },
  refusals: {
    credential_malformed: 'Die Antwort Ihres Browsers ist nicht lesbar. Versuchen Sie es mit einem aktuellen Browser.',
    challenge_unknown: 'Diese Seite ist abgelaufen oder wurde bereits verwendet. Versuchen Sie es noch einmal.',
    challenge_mismatch: 'Die Antwort des Schlüssels passt nicht zu dieser Anfrage. Versuchen Sie es noch einmal.',
    answer_overtaken:
      'Sie haben mit diesem Schlüssel inzwischen etwas anderes bestätigt. Versuchen Sie es noch einmal.',
    origin_wrong: 'Der Schlüssel wurde auf einer anderen Website verwendet. Prüfen Sie die Adresse im Browser.',
    rp_id_wrong: 'Der Schlüssel hat für einen anderen Dienst geantwortet. Prüfen Sie die Adresse im Browser.',
    user_not_present: 'Der Schlüssel wurde nicht berührt.',
    user_not_verified:
      'Der Schlüssel hat Ihre Identität nicht geprüft. Richten Sie zuerst eine PIN oder einen Fingerabdruck darauf ein.',
    signature_wrong:
      'Die Signatur des Schlüssels ist ungültig. Versuchen Sie es noch einmal oder mit einem anderen Schlüssel.',
    credential_unknown: 'Dieser Schlüssel ist hier nicht registriert.',
    credential_registered: 'Dieser Schlüssel ist bereits registriert. Verwenden Sie einen anderen.',
    credential_shared: 'Dieser Schlüssel ist auch für eine andere Person registriert. Registrieren Sie einen anderen.',
    counter_rolled_back:
      'Dieser Schlüssel wurde möglicherweise kopiert und kann nicht mehr verwendet werden. Wenden Sie sich an die Benutzerverwaltung.',
    backup_flags_changed:
      'Die Eigenschaften dieses Schlüssels haben sich seit der Registrierung geändert. Verwenden Sie einen anderen.',
    device_bound_required:
      'Ihre Rolle erfordert einen Schlüssel, der sich nicht auf andere Geräte kopieren lässt. Verwenden Sie einen Sicherheitsschlüssel.',
    attestation_required:
      'Ihre Rolle erfordert einen Schlüssel mit Herstellernachweis. Dieser Schlüssel hat keinen geliefert.',
    attestation_untrusted: 'Dem Hersteller dieses Schlüssels wird hier nicht vertraut.',
    authenticator_model_refused: 'Schlüssel dieses Modells werden hier nicht angenommen.',
    authenticator_too_weak:
      'Dieser Schlüssel ist für Ihre Rolle nicht stark genug. Registrieren Sie einen, der sich nicht kopieren lässt.',
    authenticator_none: 'Sie haben keinen dafür geeigneten Schlüssel.',
    authenticator_not_found: 'Sie haben keinen solchen Schlüssel.',
    authenticator_last: 'Das ist Ihr letzter Schlüssel. Registrieren Sie zuerst einen anderen.',
    authenticators_most: 'Sie haben die Höchstzahl an Schlüsseln erreicht. Entfernen Sie zuerst einen.',
    invitation_unknown:
      'Dieser Link ist ungültig: Er wurde bereits verwendet, ist abgelaufen oder wurde ersetzt. Bitten Sie um einen neuen.',
    recovery_needed: 'Sie hatten bereits einen Schlüssel. Bitten Sie für einen neuen um eine Wiederherstellung.',
    account_locked: 'Dieses Konto ist gesperrt. Wenden Sie sich an die Benutzerverwaltung Ihrer Firma.',
  },
  notices: {
    added: (name) =>
      `Für Ihr Konto wurde ein Sicherheitsschlüssel oder Passkey registriert: „${name}“. Wenn Sie das nicht waren, lassen Sie Ihr Konto sofort sperren.`,
    removed: (name) =>
      `Der Sicherheitsschlüssel oder Passkey „${name}“ wurde aus Ihrem Konto entfernt. Wenn Sie nicht wissen, warum, wenden Sie sich an die Benutzerverwaltung.`,
    suspected: (name) =>
      `Ihr Sicherheitsschlüssel oder Passkey „${name}“ wurde möglicherweise kopiert. Er kann nicht mehr verwendet werden, und Sie wurden überall abgemeldet. Verwenden Sie einen anderen und entfernen Sie diesen.`,
    locked: 'Ihr Konto wurde gesperrt. Sie können sich nicht anmelden, bis es entsperrt ist.',
    unlocked: 'Ihr Konto wurde entsperrt.',
    newDevice: (where: string) =>
      `Neue Anmeldung bei Ihrem Konto: ${where}. Waren Sie das nicht, lassen Sie Ihr Konto sofort sperren.`,
    impossibleTravel: (where: string) =>
      `Ihr Konto wurde von zwei Orten aus benutzt, die zu weit auseinander liegen, um zu reisen, das zweite Mal von ${where}. Waren Sie das nicht, lassen Sie Ihr Konto sofort sperren; waren Sie es, kann die Benutzerverwaltung den Hinweis aufheben.`,
  },
  signIn: {
    title: 'Anmelden',
    titleAgain: 'Noch einmal anmelden',
    confirm: 'Bestätigen',
    asks: 'bittet Sie, sich anzumelden.',
    asksAbout: (count) =>
      count === 1
        ? 'bittet Sie, einen Auftrag zu bestätigen. Ihre Bestätigung gilt nur für diesen Auftrag.'
        : `bittet Sie, ${count} Aufträge zu bestätigen. Ihre Bestätigung gilt nur für diese Aufträge.`,
    boundTo: 'Ihre Bestätigung ist an die Prüfsumme des Auftrags gebunden:',
    moreIsAsked: 'Dieser Vorgang erfordert eine zusätzliche Bestätigung.',
    notSignedIn: 'Die Anmeldung ist fehlgeschlagen.',
    cancel: 'Abbrechen',
    goBack: 'Zurück',
    impossible: 'Die Anmeldung ist nicht möglich.',
    noMethod: 'Auf dieser Installation ist kein Anmeldeverfahren eingerichtet.',
    noneFits: 'Keines der verfügbaren Anmeldeverfahren erfüllt die Anforderungen dieser Anwendung.',
    helpCode: 'Wenn Sie um Hilfe bitten, nennen Sie diesen Code:',
    signedInAs: 'Sie sind angemeldet als',
    somebodyElse: 'Als jemand anderes anmelden',
    reasons: {
      step_up_very_large: 'Wegen seiner Größe muss dieser Auftrag mit einem Hardwareschlüssel bestätigt werden.',
      step_up_risk:
        'Bei diesem Konto wurden ungewöhnliche Vorgänge festgestellt. Bitte bestätigen Sie mit Ihrem Schlüssel.',
      acr_demanded: 'Die Anwendung verlangt für diese Anfrage Ihre Bestätigung.',
    },
    problems: {
      credential_unknown:
        'Das wurde nicht angenommen. Verwenden Sie einen Sicherheitsschlüssel oder Passkey, den Sie hier registriert haben, oder wenden Sie sich an die Benutzerverwaltung Ihrer Firma.',
      authenticator_too_weak:
        'Diese Anmeldung ist hierfür nicht sicher genug. Verwenden Sie einen nicht kopierbaren Schlüssel.',
      challenge_unknown: 'Dieses Formular wurde bereits gesendet. Bitte versuchen Sie es noch einmal.',
      institution_not_issued: 'Die LEI-Registrierung Ihres Instituts ist nicht aktiv.',
      sign_in_too_old: 'Ihre Anmeldung bei Ihrer Firma ist hierfür zu alt. Melden Sie sich dort noch einmal an.',
      device_required: 'Hierfür ist ein verwaltetes Gerät Ihrer Firma erforderlich, und keines wurde erkannt.',
      device_not_yours: 'Dieses Gerät ist jemand anderem zugewiesen.',
      device_failing:
        'Dieses Gerät entspricht nicht den Richtlinien Ihrer Firma. Lassen Sie es instand setzen oder verwenden Sie ein anderes.',
      device_stale: 'Die letzte Prüfung dieses Geräts liegt zu lange zurück. Lassen Sie es prüfen.',
      device_unknown: 'Dieses Gerät ist hier nicht bekannt.',
      device_proof_wrong: 'Die Identität dieses Geräts konnte nicht bestätigt werden.',
    },
  },
};
