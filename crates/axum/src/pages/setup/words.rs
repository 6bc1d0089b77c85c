//! What the page of the first administrator says.

use vestibule_core::values::{language::Language, rule::RuleViolation, username::UsernamePolicy};

/// The words of one language. `{min}` and `{max}` are numbers.
pub(super) struct SetupWords {
    pub(super) title: &'static str,
    pub(super) ask: &'static str,
    pub(super) email: &'static str,
    pub(super) username: &'static str,
    pub(super) username_hint: &'static str,
    pub(super) password1: &'static str,
    pub(super) password2: &'static str,
    pub(super) button: &'static str,
    pub(super) done_title: &'static str,
    pub(super) done: &'static str,
    pub(super) docs: &'static str,
    pub(super) not_done: &'static str,
    pub(super) refused: &'static str,
    /// Broken rules of names by their code.
    rules: [(&'static str, &'static str); 5],
}

impl SetupWords {
    pub(super) const fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
            Language::French => &FRENCH,
            Language::Spanish => &SPANISH,
        }
    }

    /// What is said of a broken rule of names; `None` for another rule.
    pub(super) fn rule(&self, rule: &RuleViolation, lengths: &UsernamePolicy) -> Option<String> {
        let known = self.rules.iter().find(|(code, _)| *code == rule.code);
        known.map(|(_, words)| with_name_lengths(words, lengths))
    }
}

/// Puts the lengths that user names may have into words.
pub(super) fn with_name_lengths(words: &str, lengths: &UsernamePolicy) -> String {
    words.replace("{min}", &lengths.min_length.to_string()).replace("{max}", &lengths.max_length.to_string())
}

const ENGLISH: SetupWords = SetupWords {
    title: "Set up this server",
    ask: "This makes the first administrator. The link works once.",
    email: "E-mail address",
    username: "User name",
    username_hint: "{min} to {max} letters without accents, digits, hyphens and underscores.",
    password1: "Password",
    password2: "Password again",
    button: "Create administrator",
    done_title: "The server is set up",
    done: "Your account is the first administrator. Log in with the user name and the password that you have chosen; \
        this link is used up.",
    docs: "To the documentation of this server",
    not_done: "No administrator was created. The link still works: please correct what is marked.",
    refused: "It has been used, is more than an hour old, or a newer start of the server has replaced it; or there is an \
        administrator already. If there is none, restart the server and open the link that it prints, or run \
        “vestibule admin create” on its machine.",
    rules: [
        ("invalid_email", "This is not a valid e-mail address."),
        ("email_taken", "This address belongs to an account."),
        ("username_length", "The user name needs between {min} and {max} characters."),
        (
            "username_characters",
            "The user name has other characters than letters without accents, digits, hyphens and underscores.",
        ),
        ("username_taken", "This user name belongs to an account."),
    ],
};

const GERMAN: SetupWords = SetupWords {
    title: "Diesen Server einrichten",
    ask: "Hier entsteht das erste Administratorkonto. Der Link gilt ein einziges Mal.",
    email: "E-Mail-Adresse",
    username: "Benutzername",
    username_hint: "{min} bis {max} Buchstaben ohne Umlaute und Akzente, Ziffern, Binde- und Unterstriche.",
    password1: "Passwort",
    password2: "Passwort wiederholen",
    button: "Konto anlegen",
    done_title: "Der Server ist eingerichtet",
    done: "Ihr Konto ist das erste mit Administratorrechten. Melden Sie sich mit dem gewählten Benutzernamen und Passwort \
        an; dieser Link ist verbraucht.",
    docs: "Zur Dokumentation dieses Servers",
    not_done: "Es wurde kein Konto angelegt. Der Link gilt noch: Bitte berichtigen Sie, was markiert ist.",
    refused: "Er wurde schon benutzt, ist älter als eine Stunde oder durch einen neueren Start des Servers ersetzt; oder es \
        gibt bereits ein Administratorkonto. Wenn es keines gibt, starten Sie den Server neu und öffnen den Link, den er \
        ausgibt, oder führen Sie auf seinem Rechner „vestibule admin create“ aus.",
    rules: [
        ("invalid_email", "Das ist keine gültige E-Mail-Adresse."),
        ("email_taken", "Diese Adresse gehört zu einem Konto."),
        ("username_length", "Der Benutzername braucht zwischen {min} und {max} Zeichen."),
        (
            "username_characters",
            "Der Benutzername hat andere Zeichen als Buchstaben ohne Umlaute und Akzente, Ziffern, Binde- und Unterstriche.",
        ),
        ("username_taken", "Dieser Benutzername gehört zu einem Konto."),
    ],
};

const FRENCH: SetupWords = SetupWords {
    title: "Configurer ce serveur",
    ask: "Cette page crée le premier compte administrateur. Le lien ne sert qu’une fois.",
    email: "Adresse e-mail",
    username: "Nom d’utilisateur",
    username_hint: "De {min} à {max} lettres sans accents, chiffres, traits d’union et tirets bas.",
    password1: "Mot de passe",
    password2: "Répéter le mot de passe",
    button: "Créer le compte",
    done_title: "Le serveur est configuré",
    done: "Votre compte est le premier administrateur. Connectez-vous avec le nom d’utilisateur et le mot de passe choisis ; \
        ce lien ne peut plus servir.",
    docs: "Vers la documentation de ce serveur",
    not_done: "Aucun compte n’a été créé. Le lien reste valable : corrigez ce qui est indiqué.",
    refused: "Il a déjà servi, il date de plus d’une heure ou un démarrage plus récent du serveur l’a remplacé ; ou il existe \
        déjà un administrateur. S’il n’y en a pas, redémarrez le serveur et ouvrez le lien qu’il affiche, ou exécutez \
        « vestibule admin create » sur sa machine.",
    rules: [
        ("invalid_email", "Ce n’est pas une adresse e-mail valable."),
        ("email_taken", "Cette adresse appartient à un compte."),
        ("username_length", "Le nom d’utilisateur doit avoir entre {min} et {max} caractères."),
        (
            "username_characters",
            "Le nom d’utilisateur contient autre chose que des lettres sans accents, des chiffres, des traits d’union et des tirets bas.",
        ),
        ("username_taken", "Ce nom d’utilisateur appartient à un compte."),
    ],
};

const SPANISH: SetupWords = SetupWords {
    title: "Configurar este servidor",
    ask: "Aquí se crea la primera cuenta de administración. El enlace sirve una sola vez.",
    email: "Dirección de correo",
    username: "Nombre de usuario",
    username_hint: "De {min} a {max} letras sin acentos, cifras, guiones y guiones bajos.",
    password1: "Contraseña",
    password2: "Repita la contraseña",
    button: "Crear la cuenta",
    done_title: "El servidor está configurado",
    done: "Su cuenta es la primera de administración. Inicie sesión con el nombre de usuario y la contraseña elegidos; este \
        enlace ya no sirve.",
    docs: "A la documentación de este servidor",
    not_done: "No se ha creado ninguna cuenta. El enlace sigue siendo válido: corrija lo que está marcado.",
    refused: "Ya se ha usado, tiene más de una hora o lo ha sustituido un arranque más reciente del servidor; o ya hay una \
        cuenta de administración. Si no la hay, reinicie el servidor y abra el enlace que muestra, o ejecute «vestibule \
        admin create» en su máquina.",
    rules: [
        ("invalid_email", "No es una dirección de correo válida."),
        ("email_taken", "Esta dirección pertenece a una cuenta."),
        ("username_length", "El nombre de usuario debe tener entre {min} y {max} caracteres."),
        (
            "username_characters",
            "El nombre de usuario tiene algo distinto de letras sin acentos, cifras, guiones y guiones bajos.",
        ),
        ("username_taken", "Este nombre de usuario pertenece a una cuenta."),
    ],
};
