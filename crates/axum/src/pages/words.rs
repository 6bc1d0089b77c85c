//! What the pages say, in every language that people are written to in.

use vestibule_core::values::{language::Language, password::PasswordPolicy, rule::RuleViolation};

/// The words of one language. `{min}`, `{max}` and `{wait}` are numbers.
pub(super) struct Words {
    /// What a title begins with where something is wrong.
    pub(super) error: &'static str,
    pub(super) confirm_title: &'static str,
    pub(super) confirm_ask: &'static str,
    pub(super) confirm_button: &'static str,
    pub(super) confirm_ignore: &'static str,
    pub(super) confirmed_title: &'static str,
    pub(super) confirmed: &'static str,
    pub(super) refused_title: &'static str,
    pub(super) confirm_refused: &'static str,
    pub(super) reset_title: &'static str,
    pub(super) reset_ask: &'static str,
    pub(super) password1: &'static str,
    pub(super) password2: &'static str,
    pub(super) password_hint: &'static str,
    pub(super) reset_button: &'static str,
    pub(super) reset_ignore: &'static str,
    pub(super) changed_title: &'static str,
    pub(super) changed: &'static str,
    pub(super) not_changed: &'static str,
    pub(super) reset_refused: &'static str,
    pub(super) too_many: &'static str,
    pub(super) busy: &'static str,
    pub(super) unreadable: &'static str,
    pub(super) broken: &'static str,
    /// Broken rules by their code.
    rules: [(&'static str, &'static str); 5],
}

impl Words {
    pub(super) const fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
            Language::French => &FRENCH,
            Language::Spanish => &SPANISH,
        }
    }

    /// What is said of a broken rule; in English where a rule has no words of its own.
    pub(super) fn rule(&self, rule: &RuleViolation, lengths: &PasswordPolicy) -> String {
        let known = self.rules.iter().find(|(code, _)| *code == rule.code);
        known.map_or_else(|| rule.message.clone().into_owned(), |(_, words)| with_lengths(words, lengths))
    }
}

/// Puts the lengths that passwords may have into words.
pub(super) fn with_lengths(words: &str, lengths: &PasswordPolicy) -> String {
    words.replace("{min}", &lengths.min_length.to_string()).replace("{max}", &lengths.max_length.to_string())
}

const ENGLISH: Words = Words {
    error: "Error",
    confirm_title: "Confirm your e-mail address",
    confirm_ask: "Press the button to confirm that the mail with this link reached you.",
    confirm_button: "Confirm address",
    confirm_ignore: "If you did not expect that mail, close this page and nothing will happen.",
    confirmed_title: "Your e-mail address is confirmed",
    confirmed: "That was all. You can close this page.",
    refused_title: "This link does not work any more",
    confirm_refused: "It has been used, has expired, or a newer mail has replaced it. If you have confirmed already, \
        there is nothing left to do. Otherwise log in, have a new mail sent to you, and open the link in the newest one.",
    reset_title: "Choose a new password",
    reset_ask: "Type it twice. All your devices will then be logged out.",
    password1: "New password",
    password2: "New password again",
    password_hint: "At least {min} characters. Several words in a row are easy to remember and hard to guess.",
    reset_button: "Set password",
    reset_ignore: "If you did not ask for this, close this page: your password stays as it is.",
    changed_title: "Your password is set",
    changed: "All your devices have been logged out. Log in with the new password.",
    not_changed: "The password was not set. The link still works: please choose another password.",
    reset_refused: "It has been used, has expired, or a newer mail has replaced it. Your password is what it was. Ask for \
        a new mail where you log in, and open the link in the newest one.",
    too_many: "Too many attempts. Please try again in {wait} min.",
    busy: "The server is busy. Please try again in a moment.",
    unreadable: "What was sent could not be read. Please fill in the form and send it again.",
    broken: "Something went wrong on our side. Please try again later.",
    rules: [
        ("password_length", "The password needs between {min} and {max} characters."),
        ("password_common", "Too many people use this password."),
        (
            "password_contains_name",
            "The password contains your name, your address or the name of this service.",
        ),
        ("password_breached", "This password is known from a data breach."),
        ("passwords_mismatch", "The two passwords are not the same."),
    ],
};

const GERMAN: Words = Words {
    error: "Fehler",
    confirm_title: "E-Mail-Adresse bestätigen",
    confirm_ask: "Bestätigen Sie mit dem Knopf, dass die E-Mail mit diesem Link bei Ihnen angekommen ist.",
    confirm_button: "Adresse bestätigen",
    confirm_ignore: "Wenn Sie diese E-Mail nicht erwartet haben, schließen Sie die Seite. Dann geschieht nichts.",
    confirmed_title: "Ihre E-Mail-Adresse ist bestätigt",
    confirmed: "Das war alles. Sie können diese Seite schließen.",
    refused_title: "Dieser Link gilt nicht mehr",
    confirm_refused: "Er wurde schon benutzt, ist abgelaufen oder durch eine neuere E-Mail ersetzt. Wenn Sie bereits \
        bestätigt haben, ist nichts mehr zu tun. Sonst melden Sie sich an, lassen sich eine neue E-Mail schicken und öffnen \
        den Link in der neuesten.",
    reset_title: "Neues Passwort wählen",
    reset_ask: "Geben Sie es zweimal ein. Danach werden alle Ihre Geräte abgemeldet.",
    password1: "Neues Passwort",
    password2: "Neues Passwort wiederholen",
    password_hint: "Mindestens {min} Zeichen. Mehrere Wörter hintereinander merkt man sich leicht, und sie sind schwer zu \
        erraten.",
    reset_button: "Passwort setzen",
    reset_ignore: "Wenn Sie das nicht wollten, schließen Sie die Seite: Ihr Passwort bleibt, wie es ist.",
    changed_title: "Ihr Passwort ist gesetzt",
    changed: "Alle Ihre Geräte wurden abgemeldet. Melden Sie sich mit dem neuen Passwort an.",
    not_changed: "Das Passwort wurde nicht gesetzt. Der Link gilt noch: Bitte wählen Sie ein anderes Passwort.",
    reset_refused: "Er wurde schon benutzt, ist abgelaufen oder durch eine neuere E-Mail ersetzt. Ihr Passwort ist \
        unverändert. Fordern Sie bei der Anmeldung eine neue E-Mail an und öffnen Sie den Link in der neuesten.",
    too_many: "Zu viele Versuche. Bitte versuchen Sie es in {wait} Min. noch einmal.",
    busy: "Der Server ist überlastet. Bitte versuchen Sie es gleich noch einmal.",
    unreadable: "Die Eingabe war nicht lesbar. Bitte füllen Sie das Formular aus und senden Sie es noch einmal.",
    broken: "Bei uns ist ein Fehler aufgetreten. Bitte versuchen Sie es später noch einmal.",
    rules: [
        ("password_length", "Das Passwort braucht zwischen {min} und {max} Zeichen."),
        ("password_common", "Zu viele Menschen benutzen dieses Passwort."),
        (
            "password_contains_name",
            "Das Passwort enthält Ihren Namen, Ihre Adresse oder den Namen dieses Dienstes.",
        ),
        ("password_breached", "Dieses Passwort ist aus einem Datenleck bekannt."),
        ("passwords_mismatch", "Die beiden Passwörter sind verschieden."),
    ],
};

const FRENCH: Words = Words {
    error: "Erreur",
    confirm_title: "Confirmer votre adresse e-mail",
    confirm_ask: "Appuyez sur le bouton pour confirmer que l’e-mail contenant ce lien vous est bien parvenu.",
    confirm_button: "Confirmer l’adresse",
    confirm_ignore: "Si vous n’attendiez pas cet e-mail, fermez cette page : il ne se passera rien.",
    confirmed_title: "Votre adresse e-mail est confirmée",
    confirmed: "C’est tout. Vous pouvez fermer cette page.",
    refused_title: "Ce lien n’est plus valable",
    confirm_refused: "Il a déjà servi, il a expiré ou un e-mail plus récent l’a remplacé. Si vous avez déjà confirmé, il n’y \
        a plus rien à faire. Sinon, connectez-vous, demandez un nouvel e-mail et ouvrez le lien du plus récent.",
    reset_title: "Choisir un nouveau mot de passe",
    reset_ask: "Saisissez-le deux fois. Tous vos appareils seront ensuite déconnectés.",
    password1: "Nouveau mot de passe",
    password2: "Répéter le nouveau mot de passe",
    password_hint: "Au moins {min} caractères. Plusieurs mots à la suite se retiennent bien et se devinent mal.",
    reset_button: "Enregistrer",
    reset_ignore: "Si vous n’avez rien demandé, fermez cette page : votre mot de passe reste inchangé.",
    changed_title: "Votre mot de passe est enregistré",
    changed: "Tous vos appareils ont été déconnectés. Connectez-vous avec le nouveau mot de passe.",
    not_changed: "Le mot de passe n’a pas été enregistré. Le lien reste valable : choisissez un autre mot de passe.",
    reset_refused: "Il a déjà servi, il a expiré ou un e-mail plus récent l’a remplacé. Votre mot de passe est inchangé. \
        Demandez un nouvel e-mail à la connexion et ouvrez le lien du plus récent.",
    too_many: "Trop de tentatives. Réessayez dans {wait} min.",
    busy: "Le serveur est surchargé. Réessayez dans un instant.",
    unreadable: "L’envoi n’a pas pu être lu. Remplissez le formulaire et envoyez-le de nouveau.",
    broken: "Une erreur s’est produite chez nous. Réessayez plus tard.",
    rules: [
        ("password_length", "Le mot de passe doit avoir entre {min} et {max} caractères."),
        ("password_common", "Trop de personnes utilisent ce mot de passe."),
        (
            "password_contains_name",
            "Le mot de passe contient votre nom, votre adresse ou le nom de ce service.",
        ),
        ("password_breached", "Ce mot de passe est connu par une fuite de données."),
        ("passwords_mismatch", "Les deux mots de passe sont différents."),
    ],
};

const SPANISH: Words = Words {
    error: "Error",
    confirm_title: "Confirmar su dirección de correo",
    confirm_ask: "Pulse el botón para confirmar que ha recibido el correo con este enlace.",
    confirm_button: "Confirmar dirección",
    confirm_ignore: "Si no esperaba ese correo, cierre esta página y no pasará nada.",
    confirmed_title: "Su dirección de correo está confirmada",
    confirmed: "Eso es todo. Puede cerrar esta página.",
    refused_title: "Este enlace ya no es válido",
    confirm_refused: "Ya se ha usado, ha caducado o lo ha sustituido un correo más reciente. Si ya ha confirmado, no queda \
        nada por hacer. Si no, inicie sesión, pida un correo nuevo y abra el enlace del más reciente.",
    reset_title: "Elegir una contraseña nueva",
    reset_ask: "Escríbala dos veces. Después se cerrará la sesión en todos sus dispositivos.",
    password1: "Contraseña nueva",
    password2: "Repita la contraseña nueva",
    password_hint: "Al menos {min} caracteres. Varias palabras seguidas son fáciles de recordar y difíciles de adivinar.",
    reset_button: "Guardar contraseña",
    reset_ignore: "Si no ha pedido esto, cierre esta página: su contraseña no cambia.",
    changed_title: "Su contraseña está guardada",
    changed: "Se ha cerrado la sesión en todos sus dispositivos. Inicie sesión con la contraseña nueva.",
    not_changed: "La contraseña no se ha guardado. El enlace sigue siendo válido: elija otra contraseña.",
    reset_refused: "Ya se ha usado, ha caducado o lo ha sustituido un correo más reciente. Su contraseña no ha cambiado. \
        Pida un correo nuevo donde inicia sesión y abra el enlace del más reciente.",
    too_many: "Demasiados intentos. Vuelva a intentarlo dentro de {wait} min.",
    busy: "El servidor está ocupado. Vuelva a intentarlo en un momento.",
    unreadable: "No se ha podido leer lo enviado. Rellene el formulario y envíelo de nuevo.",
    broken: "Ha ocurrido un error por nuestra parte. Vuelva a intentarlo más tarde.",
    rules: [
        ("password_length", "La contraseña debe tener entre {min} y {max} caracteres."),
        ("password_common", "Demasiadas personas usan esta contraseña."),
        (
            "password_contains_name",
            "La contraseña contiene su nombre, su dirección o el nombre de este servicio.",
        ),
        ("password_breached", "Esta contraseña es conocida por una filtración de datos."),
        ("passwords_mismatch", "Las dos contraseñas no coinciden."),
    ],
};
