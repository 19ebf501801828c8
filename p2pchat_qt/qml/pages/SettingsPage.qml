import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Dialogs
import QtQuick.Layouts
import "../controls"

// Profile, appearance, notices, privacy, and how the home is kept.
Page {
    id: page
    readonly property var now: settingsView.now
    readonly property var prefs: app.prefs.now
    signal asked(string title, string words, string yes, var act)
    signal went(string page)
    title: qsTr("Settings")
    onVisibleChanged: if (visible) { settingsView.refresh(); systemView.refresh() }

    Card {
        title: qsTr("Profile")
        hint: qsTr("Your contacts see this.")
        RowLayout {
            Layout.fillWidth: true
            spacing: 14
            Avatar { size: Theme.px(56); account: page.now.account; letters: app.initials(page.now.name); colour: 5 }
            Field { id: name; objectName: "profileName"; Layout.fillWidth: true; placeholderText: qsTr("Your name"); maximumLength: 64; text: page.now.name }
        }
        Field { id: bio; objectName: "profileBio"; Layout.fillWidth: true; placeholderText: qsTr("A few words about you"); maximumLength: 140; text: page.now.bio }
        Flow {
            Layout.fillWidth: true
            spacing: 8
            PushButton {
                objectName: "saveProfile"
                text: qsTr("Save")
                primary: true
                enabled: name.text.trim() !== "" && (name.text !== page.now.name || bio.text !== page.now.bio)
                onClicked: settingsView.save_profile(name.text, bio.text)
            }
            PushButton { text: qsTr("Choose a picture…"); onClicked: picture.open() }
        }
    }
    Card {
        title: qsTr("Appearance")
        Words { text: qsTr("Theme"); color: Theme.c.faint; Layout.fillWidth: true }
        Choice {
            objectName: "theme"
            Layout.fillWidth: true
            value: page.prefs.theme
            options: [{ value: "system", text: qsTr("As the system") }, { value: "light", text: qsTr("Light") }, { value: "dark", text: qsTr("Dark") }]
            onChosen: value => app.prefs.choose("theme", value)
        }
        Words { text: qsTr("Language"); color: Theme.c.faint; Layout.fillWidth: true; Layout.topMargin: 6 }
        Choice {
            objectName: "language"
            Layout.fillWidth: true
            value: page.prefs.language
            options: [{ value: "system", text: qsTr("As the system") }, { value: "en", text: "English" }, { value: "zh", text: "中文" }]
            onChosen: value => app.prefs.choose("language", value)
        }
        Words { text: qsTr("Size of text"); color: Theme.c.faint; Layout.fillWidth: true; Layout.topMargin: 6 }
        Choice {
            objectName: "scale"
            Layout.fillWidth: true
            value: String(page.prefs.scale)
            options: ["0.9", "1", "1.15", "1.3", "1.5"].map(scale => ({ value: scale, text: Math.round(scale * 100) + " %" }))
            onChosen: value => app.prefs.choose("scale", value)
        }
    }
    Card {
        title: qsTr("Notifications")
        Choice {
            objectName: "notify"
            Layout.fillWidth: true
            value: page.prefs.notify
            options: [{ value: "full", text: qsTr("With the message") }, { value: "hidden", text: qsTr("Without content") }, { value: "off", text: qsTr("None") }]
            onChosen: value => app.prefs.choose("notify", value)
        }
        Paragraph {
            objectName: "noTray"
            visible: !page.now.hasTray && page.prefs.notify !== "off"
            text: qsTr("This system has no place for notices. What is new makes the window's entry in the task bar ask for attention.")
            color: Theme.c.faint
            font.pixelSize: Theme.small
            Layout.fillWidth: true
        }
    }
    Card {
        title: qsTr("With the system")
        visible: systemView.now.canStart || systemView.now.canOpenLinks
        Toggle {
            objectName: "startsWithSystem"
            visible: systemView.now.canStart
            text: qsTr("Start when you log in")
            checked: systemView.now.starts
            Layout.fillWidth: true
            onToggled: { systemView.start_with_system(checked); checked = Qt.binding(() => systemView.now.starts) }
        }
        Toggle {
            objectName: "opensLinks"
            visible: systemView.now.canOpenLinks
            text: qsTr("Open dchat:// links from other programs here")
            checked: systemView.now.opensLinks
            Layout.fillWidth: true
            onToggled: { systemView.open_links(checked); checked = Qt.binding(() => systemView.now.opensLinks) }
        }
    }
    Card {
        title: qsTr("Privacy")
        Toggle {
            objectName: "readReceipts"
            text: qsTr("Tell others what you have read")
            checked: page.now.readReceipts
            Layout.fillWidth: true
            onToggled: settingsView.tell_read(checked)
        }
        Toggle {
            objectName: "typingNotices"
            text: qsTr("Let contacts see that you are writing to them, and see it of them")
            checked: page.now.typingNotices
            Layout.fillWidth: true
            onToggled: settingsView.tell_typing(checked)
        }
        Words { text: qsTr("When a contact takes you into a room"); color: Theme.c.faint; Layout.fillWidth: true; wrapMode: Text.Wrap; Layout.topMargin: 6 }
        Choice {
            objectName: "roomsFrom"
            Layout.fillWidth: true
            value: page.now.roomsFrom
            options: [{ value: "contacts", text: qsTr("Go in") }, { value: "ask", text: qsTr("Ask me") }, { value: "nobody", text: qsTr("Never") }]
            onChosen: value => settingsView.set_rooms_from(value)
        }
    }
    Card {
        title: qsTr("Connections")
        NextPage { objectName: "toNetworkSettings"; sign: "network"; text: qsTr("Network"); detail: qsTr("Whom you know, where you listen, relays"); Layout.fillWidth: true; onClicked: page.went("settings-network") }
        NextPage { objectName: "toLanSettings"; sign: "lan"; text: qsTr("Local network"); detail: qsTr("Without internet: switch, secret, networks"); Layout.fillWidth: true; onClicked: page.went("settings-lan") }
    }
    Card {
        title: qsTr("Passphrase")
        hint: qsTr("It locks what is on this disk. Leave the present one empty if there is none, and the new one to take the lock away.")
        Field { id: oldPassphrase; Layout.fillWidth: true; echoMode: TextInput.Password; placeholderText: qsTr("Present passphrase") }
        Field { id: newPassphrase; objectName: "newPassphrase"; Layout.fillWidth: true; echoMode: TextInput.Password; placeholderText: qsTr("New passphrase") }
        PushButton {
            text: qsTr("Change")
            enabled: !page.now.isBusy && (oldPassphrase.text !== "" || newPassphrase.text !== "")
            onClicked: { settingsView.change_passphrase(oldPassphrase.text, newPassphrase.text); oldPassphrase.clear(); newPassphrase.clear() }
        }
    }
    Card {
        title: qsTr("Copy of everything")
        hint: qsTr("Identity, contacts, rooms and messages in one file that a passphrase locks. A new home can be made of it.")
        Field { id: exportPassphrase; Layout.fillWidth: true; echoMode: TextInput.Password; placeholderText: qsTr("Passphrase for the file") }
        PushButton {
            text: qsTr("Save a copy…")
            enabled: !page.now.isBusy && exportPassphrase.text !== ""
            onClicked: copy.open()
        }
    }
    Card {
        title: qsTr("Devices")
        Repeater {
            model: page.now.devices
            RowLayout {
                required property var modelData
                Layout.fillWidth: true
                ColumnLayout {
                    Layout.fillWidth: true
                    spacing: 2
                    Words { text: modelData.isThis ? qsTr("This device") : "…" + modelData.id.slice(-12); font.weight: Font.Medium; Layout.fillWidth: true }
                    Words { text: modelData.isRevoked ? qsTr("Ended") : qsTr("Since %1").arg(When.full(modelData.at)); color: Theme.c.faint; font.pixelSize: Theme.small; Layout.fillWidth: true }
                }
                PushButton {
                    visible: !modelData.isThis && !modelData.isRevoked
                    text: qsTr("End")
                    danger: true
                    onClicked: page.asked(qsTr("End this device?"), qsTr("It acts for you no more. This cannot be taken back."), qsTr("End it"), () => settingsView.revoke(modelData.id))
                }
            }
        }
    }
    Card {
        title: qsTr("About")
        Fact { Layout.fillWidth: true; name: qsTr("Account"); value: page.now.account.slice(0, 24) + "…" }
        Fact { Layout.fillWidth: true; name: qsTr("Home"); value: page.now.home }
    }
    FileDialog {
        id: picture
        title: qsTr("Choose a picture")
        nameFilters: [qsTr("Pictures") + " (*.png *.jpg *.jpeg *.webp *.gif)"]
        onAccepted: settingsView.set_avatar(selectedFile)
    }
    FileDialog {
        id: copy
        title: qsTr("Save a copy")
        fileMode: FileDialog.SaveFile
        defaultSuffix: "dchat"
        onAccepted: { settingsView.export(selectedFile, exportPassphrase.text); exportPassphrase.clear() }
    }
    Connections {
        target: settingsView
        function onDone(what) {
            app.said.tell(({ profile: qsTr("Your profile is saved"), avatar: qsTr("Your picture is saved"), passphrase: qsTr("The passphrase is changed"), export: qsTr("The copy is saved"), device: qsTr("The device is ended") })[what])
        }
    }
}
