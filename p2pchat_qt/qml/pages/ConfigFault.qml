import QtQuick
import QtQuick.Layouts
import "../controls"

// The file of the settings cannot be used as it is: why, and that it is to be mended there.
Card {
    visible: configView.now.fault !== ""
    hint: qsTr("Mend it in the file, then open this page again.")
    Paragraph { objectName: "configFault"; text: configView.now.fault; color: Theme.c.bad; Layout.fillWidth: true }
    Copied { words: settingsView.now.home + "/config.toml"; Layout.fillWidth: true }
}
