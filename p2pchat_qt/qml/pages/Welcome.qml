import QtQuick
import QtQuick.Controls.Basic
import QtQuick.Layouts
import "../controls"

// Before one is in: a name, a passphrase, or the steps of the start.
Rectangle {
    id: page
    readonly property string phase: startView.now.phase
    color: Theme.c.window
    onVisibleChanged: if (visible) focusField()
    onPhaseChanged: Qt.callLater(focusField)
    Component.onCompleted: Qt.callLater(focusField)
    function focusField() {
        if (phase === "welcome") name.forceActiveFocus()
        else if (phase === "locked") passphrase.forceActiveFocus()
    }

    Flickable {
        anchors.fill: parent
        contentHeight: Math.max(height, column.implicitHeight + 60)
        boundsBehavior: Flickable.StopAtBounds
        ColumnLayout {
            id: column
            width: Math.min(parent.width - 48, 400)
            anchors.centerIn: parent
            spacing: 14
            Image {
                source: Qt.resolvedUrl("../../resources/dchat.svg")
                sourceSize: Qt.size(96, 96)
                Layout.alignment: Qt.AlignHCenter
                Accessible.ignored: true
            }
            Words {
                text: "DChat"
                font.pixelSize: Theme.huge
                font.weight: Font.Bold
                horizontalAlignment: Text.AlignHCenter
                Layout.fillWidth: true
                Accessible.role: Accessible.Heading
            }
            Paragraph {
                Layout.fillWidth: true
                Layout.bottomMargin: 8
                horizontalAlignment: Text.AlignHCenter
                color: Theme.c.faint
                text: page.phase === "welcome" ? qsTr("Chat with friends directly, with no server between. All you need is a name.")
                    : page.phase === "locked" ? qsTr("This home is locked. Enter its passphrase.")
                    : page.phase === "failed" ? qsTr("It could not start.") : qsTr("Starting…")
            }
            Choice {
                objectName: "firstLanguage"
                visible: page.phase === "welcome"
                Layout.alignment: Qt.AlignHCenter
                Layout.maximumWidth: parent.width
                value: app.prefs.now.spoken
                options: [{ value: "en", text: "English" }, { value: "zh", text: "中文" }]
                onChosen: value => app.prefs.choose("language", value)
            }
            Field {
                id: name
                objectName: "name"
                visible: page.phase === "welcome"
                placeholderText: qsTr("Your name")
                maximumLength: 64
                Layout.fillWidth: true
                onAccepted: page.enter()
            }
            Toggle {
                id: wantsLock
                objectName: "wantsLock"
                visible: page.phase === "welcome"
                text: qsTr("Lock it with a passphrase")
                Layout.fillWidth: true
            }
            Field {
                id: passphrase
                objectName: "passphrase"
                visible: page.phase === "locked" || (page.phase === "welcome" && wantsLock.checked)
                placeholderText: qsTr("Passphrase")
                echoMode: TextInput.Password
                Layout.fillWidth: true
                onAccepted: page.enter()
            }
            Paragraph {
                visible: page.phase === "welcome" && wantsLock.checked
                text: qsTr("Nobody can open this home without it, and nobody can give it back to you.")
                color: Theme.c.faint
                font.pixelSize: Theme.small
                Layout.fillWidth: true
            }
            Paragraph {
                objectName: "startError"
                visible: startView.now.error !== ""
                text: startView.now.error
                color: Theme.c.bad
                Layout.fillWidth: true
            }
            PushButton {
                objectName: "begin"
                primary: true
                visible: page.phase !== "opening" && page.phase !== "closed"
                enabled: page.phase === "failed" || (page.phase === "welcome" ? name.text.trim() !== "" && (!wantsLock.checked || passphrase.text !== "") : passphrase.text !== "")
                text: page.phase === "welcome" ? qsTr("Start chatting") : page.phase === "locked" ? qsTr("Unlock") : qsTr("Try again")
                Layout.fillWidth: true
                onClicked: page.enter()
            }
            Steps { visible: page.phase === "opening"; Layout.fillWidth: true }
        }
    }
    function enter() {
        if (phase === "failed") startView.again()
        else if (phase === "locked") { startView.unlock(passphrase.text); passphrase.clear() }
        else if (name.text.trim() !== "" && (!wantsLock.checked || passphrase.text !== "")) {
            startView.enter(name.text, wantsLock.checked ? passphrase.text : "")
            passphrase.clear()
        }
    }
}
